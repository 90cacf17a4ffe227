"""The command line: the same engine without a screen. Nothing here imports torch or Qt before it must."""

"""All widgets that show pictures, under one name."""

from gui.widgets.picture import Picture
from gui.widgets.picture_button import PictureButton
from gui.widgets.picture_grid import PictureGrid
from gui.widgets.picture_parts import outline_dark, paint_class_dot, picture_menu
from gui.widgets.picture_values import to_pixels, to_pixmap

__all__ = ["Picture", "PictureButton", "PictureGrid", "outline_dark", "paint_class_dot", "picture_menu",
           "to_pixels", "to_pixmap"]

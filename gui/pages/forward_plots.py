"""The three plots of the Forward page: shares of image and noise, signal to noise, pixel values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from engine.diffusion.forward_view import (
    HISTOGRAM_EDGES,
    ForwardPoint,
    normal_density,
    pixel_density,
    share_curves,
    snr_curve,
)
from engine.diffusion.schedules import Schedule
from gui.theme import theme, tip
from gui.widgets.plot import Plot

SNR_SPAN = 46.0  # dB either way; what lies beyond is cut off
TOPS = (0.7, 1.5, 3.0, 6.0, 12.0)  # heights of the histogram's axis: few, so that it does not dance
HALF_RANGE = 3.05
FINE_DB, COARSE_DB = (-40, -20, 0, 20, 40), (-40, 0, 40)
ROOMY_FROM = 250  # px of width from which the legends have their values
FINE_FROM = 132  # px of height from which the finer labels have room


class ForwardPlots(QObject):
    """shares, snr and histogram; markers follow t, curves follow the schedule."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shares = Plot("Shares of image and noise", x_name="t", reversed_x=True)
        self.shares.setProperty("explain", "shares")
        self.shares.setToolTip(tip("What image and noise are multiplied by at each t, 0 to 1. Dashed: the image's "
                                   "share in the other schedule. Wheel zooms, double-click shows all."))
        self.image = self.shares.add_line("image", "signal")
        self.noise = self.shares.add_line("noise", "noise")
        self.other_image = self.shares.add_line("", "signal", style="thin", decimals=None)
        self.shares.set_y_range(0, 1)
        self.shares.set_ticks(y=(0, 0.5, 1))
        self.snr = Plot("Signal to noise", "dB", "t", reversed_x=True)
        self.snr.setProperty("explain", "snr")
        self.snr.setToolTip(tip("How far the image stands above the noise at each t, in decibels; 0 dB is equal "
                                "power. Dashed: the other schedule. Wheel zooms, double-click shows all."))
        self.own_snr = self.snr.add_line("", "text", decimals=1)
        self.other_snr = self.snr.add_line("", "text", style="thin", decimals=None)
        self.snr.set_y_range(-SNR_SPAN, SNR_SPAN)
        self.histogram = Plot("Pixel values of xₜ")
        self.histogram.setProperty("explain", "histogram")
        self.histogram.setToolTip(tip("How the pixels of xₜ are spread (bars cover an area of 1), beside pure noise "
                                      "and where black and white of the image have moved to."))
        self.bars = self.histogram.add_bars()
        self.pure = self.histogram.add_line("pure noise", "noise", 1.5, decimals=None)
        self.ends = self.histogram.add_line("black and white of the image", "signal", 1.5, decimals=None)
        self.histogram.set_x_range(-HALF_RANGE, HALF_RANGE)
        self.histogram.set_ticks(x=(-2, 0, 2))
        at = np.linspace(-HALF_RANGE, HALF_RANGE, 123)
        self.pure.set_data(at, normal_density(at))
        self.all = (self.shares, self.snr, self.histogram)

    def set_schedules(self, own: Schedule, other: Schedule) -> None:
        """The schedule on display and the one to compare it with, over the same T."""
        last = own.num_timesteps
        t, signal, noise = share_curves(own)
        self.image.set_data(t, signal)
        self.noise.set_data(t, noise)
        self.other_image.set_data(t, share_curves(other)[1])
        self.other_image.set_name(other.name)
        self.own_snr.set_data(*snr_curve(own))
        self.own_snr.set_name(own.name)
        self.other_snr.set_data(*snr_curve(other))
        self.other_snr.set_name(other.name)
        parts = next((n for n in (4, 5, 3, 2) if last % n == 0), 4)
        ticks = sorted({round(last * i / parts) for i in range(parts + 1)})
        for plot in (self.shares, self.snr):
            plot.set_x_range(0, last)
            plot.set_ticks(x=ticks, y=plot.axes.y_ticks)

    def fit(self) -> None:
        """Fewer labels where the plots are low, fewer words where they are narrow."""
        narrow = self.shares.width() < theme().px(ROOMY_FROM)
        self.image.decimals = self.noise.decimals = None if narrow else 3
        self.ends.set_name("black, white" if narrow else "black and white of the image")
        self.shares.refresh_legend()
        wanted = list(FINE_DB if self.snr.height() >= theme().px(FINE_FROM) else COARSE_DB)
        if wanted != self.snr.axes.y_ticks:
            self.snr.set_ticks(x=self.snr.axes.x_ticks, y=wanted)

    def set_point(self, point: ForwardPoint, x_t: NDArray[np.float32]) -> None:
        """Markers at t, and the pixels of x_t."""
        self.shares.set_current(point.t)
        self.snr.set_current(point.t)
        density = pixel_density(x_t)
        top = next((top for top in TOPS if density.max() <= top * 0.97), TOPS[-1])
        self.histogram.set_y_range(0, top)
        self.bars.set_data(HISTOGRAM_EDGES, density)
        self.histogram.set_verticals([(-point.signal, "signal", ""), (point.signal, "signal", "")])

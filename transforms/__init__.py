"""From events to estimates: pure functions of frames and frozen declarations."""

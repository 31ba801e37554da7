"""Where work runs. For now: processes of this machine."""

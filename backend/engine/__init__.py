"""The places where work runs: at present, processes of this machine."""

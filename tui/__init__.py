"""The screen and the command line. Only this room imports textual."""

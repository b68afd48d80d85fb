"""Random worlds, each projected by the running command and then played for real."""

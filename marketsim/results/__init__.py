"""Run folders: tables streamed while a run goes, completed atomically, read back as one object."""

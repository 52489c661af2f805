"""VisionReward as a library: checklists, judges, rewards one can read, preference pairs. No Django in here."""

"""Floor 3: functions from symbols to symbols."""

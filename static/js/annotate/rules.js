// What follows from an answer; the same rules as the server's (annotator/campaigns/services/judgments.py).

// Nothing is asked here: the answer follows from another ladder, or the category does not apply.
export function isClosed(rules, levels, id) {
  const rule = rules.get(id);
  if (rule.appliesWhen) {
    const level = levels.get(rule.appliesWhen.ladder);
    return level === undefined || level >= rule.appliesWhen.below;
  }
  if (rule.maskedBy) return levels.get(rule.maskedBy) === rules.get(rule.maskedBy).lowest;
  return false;
}

// {ladder: level, or null where an answer goes} for all that changes with this answer, itself included.
export function consequences(rules, levels, id, level) {
  const touched = { [id]: level };
  for (const other of rules.values()) {
    if (other.maskedBy === id) {
      if (level === rules.get(id).lowest) touched[other.id] = other.lowest;
      else if (levels.get(other.id) === other.lowest) touched[other.id] = null;
    }
    const rule = other.appliesWhen;
    if (rule?.ladder === id && levels.has(other.id) && (level === null || level >= rule.below)) touched[other.id] = null;
  }
  return touched;
}

// Texts in the language of the page, from the catalog that base.html loads before every module. Where it could not be
// loaded, the page speaks English rather than not at all.

export const gettext = window.gettext ?? ((text) => text);
export const ngettext = window.ngettext ?? ((one, many, n) => (n === 1 ? one : many));

// Fills in "%(name)s".
export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
}

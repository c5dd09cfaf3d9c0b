// Searching for names as the server does.

/** What says whether a name has all words of a text in it, in any case of letters. */
export function finder(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (name) => {
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}

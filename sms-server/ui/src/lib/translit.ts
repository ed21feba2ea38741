// The same table as sms-core/src/message/translit.rs, by code point from U+0430.
const LETTERS = "a b v g d e zh z i j k l m n o p r s t u f h c ch sh sch ' y ' e yu ya".split(" ");
const [FIRST, LAST, YO] = [0x430, 0x44f, 0x451];

/** A text as it is sent with `translit`: Russian letters as Latin ones. */
export function latin(text: string): string {
  let out = "";
  for (const character of text) out += latinLetters(character);
  return out;
}

function latinLetters(character: string): string {
  const lower = character.toLowerCase();
  const code = lower.codePointAt(0) ?? 0;
  const letters = code === YO ? "e" : code >= FIRST && code <= LAST ? LETTERS[code - FIRST] : undefined;
  if (letters === undefined) return character;
  return lower === character ? letters : letters.charAt(0).toUpperCase() + letters.slice(1);
}

/** A block of a stream of server-sent events. `data` is null for a heartbeat. */
export interface Block {
  id: string | null;
  event: string;
  data: string | null;
}

/** Reads server-sent events out of pieces of text that are cut anywhere. */
export class SseParser {
  private rest = "";

  /** Takes the next piece, and returns the blocks that it completes. */
  push(piece: string): Block[] {
    const blocks = (this.rest + piece).replace(/\r\n?/g, "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.filter((block) => block !== "").map(readBlock);
  }
}

function readBlock(text: string): Block {
  const block: Block = { id: null, event: "message", data: null };
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "id") block.id = value;
    else if (name === "event") block.event = value;
    else if (name === "data") block.data = block.data === null ? value : `${block.data}\n${value}`;
  }
  return block;
}

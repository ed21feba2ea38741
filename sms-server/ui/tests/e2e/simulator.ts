import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";

const SERVER = process.env["SMS_SERVER_BIN"] ?? resolve(import.meta.dirname, "../../../../target/debug/sms-server");
/** Built by the same command as the server. */
const BINARY = process.env["SMSRU_SIMULATOR_BIN"] ?? join(dirname(SERVER), "smsru-simulator");

/** The simulator of sms.ru. */
export interface Simulator {
  /** The address for the setting `provider`. */
  url: string;
  stop(): Promise<void>;
}

/** Starts the simulator on a free port with these options, as `--balance 1000`. */
export async function startSimulator(...options: string[]): Promise<Simulator> {
  const child = spawn(BINARY, ["--listen", "127.0.0.1:0", ...options], { stdio: ["ignore", "pipe", "ignore"] });
  let printed = "";
  const url = await new Promise<string>((found, failed) => {
    child.stdout.on("data", (piece: Buffer) => {
      printed += piece.toString();
      const address = /smsru\+http:\S+(?=\s)/.exec(printed);
      if (address) found(address[0]);
    });
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`smsru-simulator ended with ${code}: ${printed}`)));
  });
  return {
    url,
    stop: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

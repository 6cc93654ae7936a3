// A real server on loopback, and the recorded reports for it, for the scripts beside this one.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../", import.meta.url).pathname;

const ask = (port, request) => new Promise((resolve, reject) => {
  const socket = connect(port, "127.0.0.1", () => socket.write(request));
  socket.once("data", (data) => { resolve(data.toString("latin1").split(" ")[1]); socket.destroy(); });
  socket.once("error", reject);
});

/** Starts `scope server` (SCOPE_BIN, by default the release build) and waits until it answers. */
export async function server(port, options = []) {
  const binary = process.env.SCOPE_BIN ?? join(root, "target/release/scope");
  const home = mkdtempSync(join(tmpdir(), "scope-server-"));
  const env = { ...process.env, HOME: home, XDG_STATE_HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const running = spawn(binary, ["server", "--listen", `127.0.0.1:${port}`, "--window", "60m", ...options], { env, stdio: "ignore" });
  running.once("error", (error) => { throw error; });
  for (let tries = 0; ; tries += 1) {
    try {
      await ask(port, "GET /api HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
      break;
    } catch (error) {
      if (tries === 100 || running.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return { binary, stop: () => { running.kill(); rmSync(home, { recursive: true, force: true }); } };
}

/** Sends what Weave Scope's probes sent, byte for byte but for the address. */
export async function replay(port) {
  const folder = join(root, "tests/data/recorded");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".headers.txt")).sort()) {
    const head = readFileSync(join(folder, file), "latin1").trimEnd().split(/\r?\n/).map((line) => line.startsWith("Host:") ? `Host: 127.0.0.1:${port}` : line);
    const body = readFileSync(join(folder, file.replace(".headers.txt", ".msgpack.gz")));
    const status = await ask(port, Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]));
    if (status !== "200") throw new Error(`${file} was answered with ${status}`);
  }
}

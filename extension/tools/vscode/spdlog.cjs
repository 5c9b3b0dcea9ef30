// Stands in for the native logger of the VS Code server, which would need a compiler to install and without which every
// log line throws. Writes the same lines to the same files; rotation is left out, since a session's logs are short-lived.
const { appendFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

class Logger {
  constructor(_type, _name, path) {
    this.path = path;
    this.level = 2;
    this.formatted = true;
    mkdirSync(dirname(path), { recursive: true });
  }
  write(level, message) {
    if (level < this.level) return;
    const line = this.formatted
      ? `${new Date().toISOString().replace('T', ' ').slice(0, -1)} [${levels[level]}] ${message}\n`
      : message;
    try {
      appendFileSync(this.path, line);
    } catch {
      // The folder was removed while the server was ending: nobody will read this line.
    }
  }
  trace = (message) => this.write(0, message);
  debug = (message) => this.write(1, message);
  info = (message) => this.write(2, message);
  warn = (message) => this.write(3, message);
  error = (message) => this.write(4, message);
  critical = (message) => this.write(5, message);
  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  clearFormatters() {
    this.formatted = false;
  }
  setPattern() {}
  flush() {}
  drop() {}
}

exports.version = 0;
exports.Logger = Logger;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.createRotatingLogger = async (name, path) => new Logger('rotating', name, path);
exports.createAsyncRotatingLogger = async (name, path) => new Logger('rotating_async', name, path);

// Stands in for the native watchdog of the VS Code server, which would need a compiler to install. It ends an extension
// host whose server has died; here `dispose` of serve.mjs ends both.
exports.start = () => {};

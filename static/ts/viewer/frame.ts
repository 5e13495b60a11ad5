// Runs in the hidden frame /viewer/worker/, whose policy may start a worker from an address: this one and no other.
// The pages themselves allow no Trusted Types policy at all, so nothing that gets into them can do the same.

interface Policy { createScriptURL(text: string): string }
interface Factory { createPolicy(name: string, rules: Policy): Policy }

const address = document.querySelector<HTMLMetaElement>("meta[name=worker]")?.content ?? "";
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy("pdf-worker", { createScriptURL: () => address });

Object.assign(window, { startWorker: () => new Worker(policy ? policy.createScriptURL("") : address, { type: "module" }) });

export { type CriRuntimeOptions, openCriRuntime } from './cri-runtime.ts'

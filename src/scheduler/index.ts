export * from './framework/index.ts'
export { defaultPlugins } from './plugins/index.ts'

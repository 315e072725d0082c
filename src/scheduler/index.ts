export * from './framework/index.ts'
export { defaultPlugins } from './plugins/index.ts'
export { type Scheduler, type SchedulerOptions, startScheduler } from './scheduler.ts'

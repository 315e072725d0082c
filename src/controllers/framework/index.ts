export * from './controller.ts'
export * from './expectations.ts'
export * from './owners.ts'
export * from './slow-start.ts'

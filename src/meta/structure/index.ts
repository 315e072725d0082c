export * from './required.ts'
export * from './structure.ts'
export * from './zero.ts'

export * from './shelves.ts'

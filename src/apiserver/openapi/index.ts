export { OpenApiHandler } from './handler.ts'

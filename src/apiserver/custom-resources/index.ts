export { DefinitionController } from './definition-controller.ts'
export { CustomResourceServing } from './serving.ts'

export { dump } from './dumps.ts'
export { FlowController } from './flow-controller.ts'
export { keepFlowControl } from './keeper.ts'
export { flowControlMetrics } from './metrics.ts'

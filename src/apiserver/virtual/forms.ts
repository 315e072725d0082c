import { notAcceptable, parseAccept } from '../presentation/negotiate.ts'

/** 406 when a client takes nothing but a table: what is only an answer to a question is no row of one. */
export function refuseTable(accept: string | undefined): void {
  const others = parseAccept(accept || '*/*').filter(({ parameters }) => parameters.get('as') !== 'Table')
  if (others.length === 0) throw notAcceptable(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'])
}

import { type FieldFact, ProtobufCodec, type Reader, type Writer } from '#meta'

/** Bytes as they are; the codec's own `bytes` are base64, as JSON has them. */
const RAW = 'raw'

type Row = readonly [name: string, number: number, type: string, repeated?: 'repeated']

/** Of etcd's `rpc.proto` and `kv.proto` (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/), what this store says and hears. */
const MESSAGES: Readonly<Record<string, readonly Row[]>> = {
  Header: [
    ['clusterId', 1, 'uint64'],
    ['revision', 3, 'int64'],
  ],
  KeyValue: [
    ['key', 1, 'string'],
    ['createRevision', 2, 'int64'],
    ['modRevision', 3, 'int64'],
    ['version', 4, 'int64'],
    ['value', 5, RAW],
    ['lease', 6, 'int64'],
  ],
  /** Of `lease.proto`, as it lies in etcd's database. */
  StoredLease: [
    ['id', 1, 'int64'],
    ['ttl', 2, 'int64'],
    ['remainingTtl', 3, 'int64'],
  ],
  RangeRequest: [
    ['key', 1, 'string'],
    ['rangeEnd', 2, 'string'],
    ['limit', 3, 'int64'],
    ['revision', 4, 'int64'],
    ['keysOnly', 8, 'bool'],
    ['countOnly', 9, 'bool'],
  ],
  RangeResponse: [
    ['header', 1, 'Header'],
    ['kvs', 2, 'KeyValue', 'repeated'],
    ['count', 4, 'int64'],
  ],
  PutRequest: [
    ['key', 1, 'string'],
    ['value', 2, RAW],
    ['lease', 3, 'int64'],
  ],
  DeleteRangeRequest: [['key', 1, 'string']],
  RequestOp: [
    ['range', 1, 'RangeRequest'],
    ['put', 2, 'PutRequest'],
    ['deleteRange', 3, 'DeleteRangeRequest'],
  ],
  ResponseOp: [['range', 1, 'RangeResponse']],
  Compare: [
    ['result', 1, 'int32'],
    ['target', 2, 'int32'],
    ['key', 3, 'string'],
    ['version', 4, 'int64'],
    ['modRevision', 6, 'int64'],
  ],
  TxnRequest: [
    ['compare', 1, 'Compare', 'repeated'],
    ['success', 2, 'RequestOp', 'repeated'],
    ['failure', 3, 'RequestOp', 'repeated'],
  ],
  TxnResponse: [
    ['header', 1, 'Header'],
    ['succeeded', 2, 'bool'],
    ['responses', 3, 'ResponseOp', 'repeated'],
  ],
  CompactionRequest: [['revision', 1, 'int64']],
  CompactionResponse: [['header', 1, 'Header']],
  WatchCreateRequest: [
    ['key', 1, 'string'],
    ['rangeEnd', 2, 'string'],
    ['startRevision', 3, 'int64'],
    ['progressNotify', 4, 'bool'],
    ['prevKv', 6, 'bool'],
    ['fragment', 8, 'bool'],
  ],
  WatchRequest: [['create', 1, 'WatchCreateRequest']],
  Event: [
    ['type', 1, 'int32'],
    ['kv', 2, 'KeyValue'],
    ['prevKv', 3, 'KeyValue'],
  ],
  WatchResponse: [
    ['header', 1, 'Header'],
    ['created', 3, 'bool'],
    ['canceled', 4, 'bool'],
    ['compactRevision', 5, 'int64'],
    ['cancelReason', 6, 'string'],
    ['fragment', 7, 'bool'],
    ['events', 11, 'Event', 'repeated'],
  ],
  LeaseGrantRequest: [
    ['ttl', 1, 'int64'],
    ['id', 2, 'int64'],
  ],
  LeaseGrantResponse: [
    ['header', 1, 'Header'],
    ['ttl', 3, 'int64'],
    ['error', 4, 'string'],
  ],
  /** Whose answer it is; apart from `Header`, which every read and write decodes. */
  Identity: [
    ['clusterId', 1, 'bigint'],
    ['memberId', 2, 'bigint'],
    ['revision', 3, 'int64'],
  ],
  Member: [
    ['id', 1, 'bigint'],
    ['name', 2, 'string'],
    ['peerURLs', 3, 'string', 'repeated'],
    ['clientURLs', 4, 'string', 'repeated'],
    ['isLearner', 5, 'bool'],
  ],
  MemberListRequest: [['linearizable', 1, 'bool']],
  MemberAddRequest: [
    ['peerURLs', 1, 'string', 'repeated'],
    ['isLearner', 2, 'bool'],
  ],
  MemberIdRequest: [['id', 1, 'bigint']],
  MembersResponse: [
    ['header', 1, 'Identity'],
    ['members', 2, 'Member', 'repeated'],
  ],
  MemberAddResponse: [
    ['header', 1, 'Identity'],
    ['members', 3, 'Member', 'repeated'],
  ],
  StatusRequest: [],
  StatusResponse: [
    ['header', 1, 'Identity'],
    ['version', 2, 'string'],
    ['leader', 4, 'bigint'],
    ['isLearner', 10, 'bool'],
  ],
  MoveLeaderRequest: [['targetId', 1, 'bigint']],
  MoveLeaderResponse: [],
  SnapshotRequest: [],
  SnapshotResponse: [
    ['remainingBytes', 2, 'int64'],
    ['blob', 3, RAW],
  ],
  AlarmRequest: [],
  AlarmMember: [['alarm', 2, 'int32']],
  AlarmResponse: [
    ['header', 1, 'Header'],
    ['alarms', 2, 'AlarmMember', 'repeated'],
  ],
}

export interface Header {
  /** The nearest double, which is another for another cluster, all but surely. */
  readonly clusterId?: number
  readonly revision?: number
}

export interface KeyValue {
  readonly key?: string
  readonly createRevision?: number
  readonly modRevision?: number
  /** Writes since the key was created, that one included. */
  readonly version?: number
  readonly value?: Uint8Array
  readonly lease?: number | undefined
}

export interface RangeRequest {
  readonly key: string
  readonly rangeEnd?: string | undefined
  readonly limit?: number | undefined
  readonly revision?: number | undefined
  readonly keysOnly?: boolean | undefined
  readonly countOnly?: boolean | undefined
}

export interface RangeResponse {
  readonly header?: Header
  readonly kvs?: readonly KeyValue[]
  readonly count?: number
}

export interface RequestOp {
  readonly range?: RangeRequest
  readonly put?: { readonly key: string; readonly value: Uint8Array; readonly lease?: number | undefined }
  readonly deleteRange?: { readonly key: string }
}

export interface Compare {
  /** Absent: must be equal. */
  readonly result?: number
  readonly target: number
  readonly key: string
  readonly version?: number
  readonly modRevision?: number
}

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export interface TxnResponse {
  readonly header?: Header
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly range?: RangeResponse }[]
}

export interface Event {
  /** 1: the key was deleted. */
  readonly type?: number
  readonly kv?: KeyValue
  readonly prevKv?: KeyValue
}

export interface WatchResponse {
  readonly header?: Header
  readonly created?: boolean
  readonly canceled?: boolean
  readonly compactRevision?: number
  readonly cancelReason?: string
  /** More of the same response follows. */
  readonly fragment?: boolean
  readonly events?: readonly Event[]
}

export interface LeaseGrantResponse {
  readonly header?: Header
  readonly ttl?: number
  readonly error?: string
}

export interface AlarmResponse {
  readonly header?: Header
  readonly alarms?: readonly { readonly alarm?: number }[]
}

export interface Identity {
  readonly clusterId?: bigint
  readonly memberId?: bigint
  readonly revision?: number
}

export interface MemberMessage {
  readonly id?: bigint
  readonly name?: string
  readonly peerURLs?: readonly string[]
  readonly clientURLs?: readonly string[]
  readonly isLearner?: boolean
}

export interface MembersResponse {
  readonly header?: Identity
  readonly members?: readonly MemberMessage[]
}

export interface StatusResponse {
  readonly header?: Identity
  readonly version?: string
  readonly leader?: bigint
  readonly isLearner?: boolean
}

export interface SnapshotResponse {
  readonly remainingBytes?: number
  readonly blob?: Uint8Array
}

/** Numbers of `Compare.target`. */
export const TARGET_VERSION = 0
export const TARGET_MOD_REVISION = 2
/** `Event.type`. */
export const DELETED = 1
/** `AlarmMember.alarm`. */
export const ALARM_NO_SPACE = 1
export const ALARM_CORRUPT = 2

const fields = new Map<string, readonly FieldFact[]>()

export const etcdCodec = new ProtobufCodec({
  fieldsOf(message) {
    let known = fields.get(message)
    if (known === undefined) {
      const rows = MESSAGES[message]
      if (rows === undefined) throw new TypeError(`etcd has no message ${message}`)
      known = rows.map(([name, number, type, repeated]) => ({ name, number, type, ...(repeated && { repeated: true }) }))
      fields.set(message, known)
    }
    return known
  },
  special: (message) =>
    message === RAW
      ? {
          write: (writer: Writer, value: unknown) => value !== undefined && writer.bytes(value as Uint8Array),
          read: (reader: Reader, end: number) => reader.bytes(end),
        }
      : undefined,
})

/** The end of the range of all keys that begin with `prefix`. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}

/** As a range's start and end: every key there is. */
export const EVERY_KEY = { key: '\0', rangeEnd: '\0' } as const

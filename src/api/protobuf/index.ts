export {
  decodeProtobuf,
  encodeProtobuf,
  encodeProtobufMessage,
  PROTOBUF_MEDIA_TYPE,
  protobufEnvelope,
  protobufMessageOf,
} from './envelope.ts'

export {
  decodeProtobuf,
  encodeProtobuf,
  encodeProtobufMessage,
  PROTOBUF_MEDIA_TYPE,
  protobufEnvelope,
  protobufEnvelopeParts,
  protobufMessageOf,
} from './envelope.ts'

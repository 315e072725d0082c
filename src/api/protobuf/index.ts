export {
  decodeProtobuf,
  encodeProtobuf,
  encodeProtobufMessage,
  PROTOBUF_MEDIA_TYPE,
  protobufEnvelope,
  protobufEnvelopeAround,
  protobufEnvelopeParts,
  protobufMessageOf,
} from './envelope.ts'

package api

import (
	"encoding/json"
	"regexp"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// redactedText stands for a secret that was given.
const redactedText = "[redacted]"

// redacted is a request in JSON as it may be stored: fields marked with
// debug_redact and passwords in addresses are not shown. What Postgres cannot
// store in a text is replaced.
func redacted(request proto.Message) (json.RawMessage, error) {
	shown := proto.Clone(request)
	redact(shown.ProtoReflect())
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(shown)
	if err == nil {
		return text, nil
	}
	// A time out of range has no form in JSON. What was asked for is noted all the
	// same, and refused by whoever reads it.
	return json.Marshal(map[string]string{"text": prototext.MarshalOptions{}.Format(shown)})
}

func redact(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case isSecret(field) && field.Kind() == protoreflect.StringKind && field.Cardinality() != protoreflect.Repeated:
			m.Set(field, protoreflect.ValueOfString(redactedText))
		case isSecret(field), field.IsMap(): // no request has a map; one that comes is left out until it is thought of
			m.Clear(field)
		case field.IsList():
			list := value.List()
			for i := range list.Len() {
				if field.Kind() == protoreflect.MessageKind {
					redact(list.Get(i).Message())
				} else {
					list.Set(i, storable(field, list.Get(i)))
				}
			}
		case field.Kind() == protoreflect.MessageKind:
			redact(value.Message())
		default:
			m.Set(field, storable(field, value))
		}
		return true
	})
}

func isSecret(field protoreflect.FieldDescriptor) bool {
	options, ok := field.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDebugRedact()
}

// storable brings a text into a form that may be stored and shown.
func storable(field protoreflect.FieldDescriptor, value protoreflect.Value) protoreflect.Value {
	if field.Kind() != protoreflect.StringKind {
		return value
	}
	return protoreflect.ValueOfString(storableText(value.String()))
}

func storableText(text string) string {
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	return regexp.MustCompile(`://[^/\s]*@`).ReplaceAllString(text, "://"+redactedText+"@")
}

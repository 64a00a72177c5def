package api

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// isDryRun reports whether a request only asks what would happen.
func isDryRun(request proto.Message) bool {
	m := request.ProtoReflect()
	field := m.Descriptor().Fields().ByName("dry_run")
	return field != nil && field.Kind() == protoreflect.BoolKind && m.Get(field).Bool()
}

// accountOf finds the name of the account that a message is about: in itself, or
// in what it is about.
func accountOf(message proto.Message) string {
	return accountIn(message.ProtoReflect(), 0)
}

func accountIn(m protoreflect.Message, depth int) string {
	const deepest = 2
	fields := m.Descriptor().Fields()
	switch field := fields.ByName("account"); {
	case field == nil || field.IsList():
	case field.Kind() == protoreflect.StringKind:
		return m.Get(field).String()
	case field.Message() != nil:
		if name := field.Message().Fields().ByName("name"); name != nil && m.Has(field) {
			return m.Get(field).Message().Get(name).String()
		}
	}
	for _, inner := range []protoreflect.Name{"run", "market", "replay"} {
		field := fields.ByName(inner)
		if field == nil || field.IsList() || field.Message() == nil || !m.Has(field) || depth == deepest {
			continue
		}
		if name := accountIn(m.Get(field).Message(), depth+1); name != "" {
			return name
		}
	}
	return ""
}

// targetOf says what a request is about, beside an account, in the words of its
// fields.
func targetOf(request proto.Message) string {
	m := request.ProtoReflect()
	for _, name := range []protoreflect.Name{"run_id", "id", "ids", "name", "symbol"} {
		field := m.Descriptor().Fields().ByName(name)
		if field == nil || !m.Has(field) {
			continue
		}
		if !field.IsList() {
			return m.Get(field).String()
		}
		list := m.Get(field).List()
		parts := make([]string, list.Len())
		for i := range parts {
			parts[i] = list.Get(i).String()
		}
		return strings.Join(parts, ",")
	}
	return ""
}

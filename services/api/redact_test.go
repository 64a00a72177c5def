package api

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

func TestASecretIsNotShown(t *testing.T) {
	t.Parallel()
	request := &controlv1.AddAccountRequest{
		Name: "a\x00b", ApiKey: "KEY", ApiSecret: "SECRET", BaseUrl: "https://user:PASSWORD@host/x",
	}
	text, err := redacted(request)
	require.NoError(t, err)
	var shown map[string]any
	require.NoError(t, json.Unmarshal(text, &shown))
	require.Equal(t, map[string]any{
		"name": "a\uFFFDb", "api_key": redactedText, "api_secret": redactedText, "base_url": "https://[redacted]@host/x",
	}, shown)
	require.Equal(t, "SECRET", request.GetApiSecret(), "the request itself is left as it is")
	ids, err := redacted(&controlv1.DropQuarantineRequest{Ids: []int64{1, 2}})
	require.NoError(t, err)
	require.JSONEq(t, `{"ids":["1","2"]}`, string(ids))
	never, err := redacted(&controlv1.ListAuditRequest{Since: &timestamppb.Timestamp{Seconds: 1 << 60}})
	require.NoError(t, err)
	require.Contains(t, string(never), "1152921504606846976")
}

// Whatever sounds like a secret in a request or an answer is marked as one, so
// that it is in no log and no table.
func TestFieldsThatSoundLikeSecretsAreMarked(t *testing.T) {
	t.Parallel()
	sounds := regexp.MustCompile(`secret|password|passphrase|credential|private|webhook_url|(^|_)key$|^text$`)
	harmless := map[string]bool{
		"alphapulse.control.v1.Drift.row_key":               true,
		"alphapulse.control.v1.Quarantined.row_key":         true,
		"alphapulse.control.v1.AuditRecord.idempotency_key": true,
	}
	var walk func(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool)
	walk = func(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
		if seen[m.FullName()] {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			field := m.Fields().Get(i)
			if inner := field.Message(); inner != nil {
				walk(inner, seen)
				continue
			}
			suspect := field.Kind() != protoreflect.BoolKind && sounds.MatchString(string(field.Name()))
			if suspect && !harmless[string(field.FullName())] && !isSecret(field) {
				t.Errorf("%s is not marked with debug_redact", field.FullName())
			}
		}
	}
	seen := map[protoreflect.FullName]bool{}
	procedures(func(_ string, method protoreflect.MethodDescriptor) {
		walk(method.Input(), seen)
		walk(method.Output(), seen)
	})
	require.Greater(t, len(seen), 40)
}

package api

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

// procedures walks every procedure that the protocol declares.
func procedures(visit func(name string, method protoreflect.MethodDescriptor)) int {
	n := 0
	pkg := controlv1.File_alphapulse_control_v1_token_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				visit("/"+string(service.FullName())+"/"+string(method.Name()), method)
				n++
			}
		}
		return true
	})
	return n
}

// Every procedure says which scope it needs. One that is new is refused to
// everybody until it is in the table of scopes.go.
func TestEveryProcedureHasAScope(t *testing.T) {
	t.Parallel()
	table := needs()
	n := procedures(func(name string, method protoreflect.MethodDescriptor) {
		want, ok := table[name]
		if !ok {
			t.Errorf("%s has no scope: add it to needs()", name)
			return
		}
		require.Contains(t, access.Scopes(), want.scope, name)
		require.Equal(t, want.scope != access.Read, want.change || want.scope == access.Admin, "%s reads, or changes something", name)
		require.False(t, want.change && (method.IsStreamingClient() || method.IsStreamingServer()),
			"%s: a change has one request and one answer", name)
	})
	require.Greater(t, n, 20)
}

// Whatever is not in the table is refused, to admins too.
func TestAProcedureWithoutAScopeIsRefused(t *testing.T) {
	t.Parallel()
	a := admission{needs: map[string]need{}}
	_, err := a.admit(caller{actor: actorStatic, scopes: access.Scopes()}, procedurePrefix+"RunService/GetRun")
	require.ErrorContains(t, err, "nobody may call GetRun")
	_, err = a.admit(caller{}, procedurePrefix+"RunService/GetRun")
	require.Error(t, err)
}

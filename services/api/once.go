package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
	"github.com/alphapulse/alphapulse/services/api/access"
)

const (
	// idempotencyHeader names the key under which a change is made once at most.
	idempotencyHeader = "Idempotency-Key"
	// replayedHeader says that an answer is the one of an earlier call.
	replayedHeader = "Idempotent-Replayed"

	maxIdempotencyKey = 255
)

// once makes a change, unless the caller's key has made it already: then the
// answer is the one of that time.
func (a admission) once(
	ctx context.Context, req connect.AnyRequest, want need, next connect.UnaryFunc,
) (res connect.AnyResponse, repeated bool, err error) {
	key := req.Header().Get(idempotencyHeader)
	if key == "" {
		res, err = next(ctx, req)
		return res, false, err
	}
	if err := checkIdempotencyKey(key, want); err != nil {
		return nil, false, err
	}
	use, err := a.use(callerOf(ctx), req, key)
	if err != nil {
		return nil, false, err
	}
	stored, repeated, err := a.api.keys.Claim(ctx, use)
	switch {
	case err != nil:
		return nil, false, aboutKey(err)
	case repeated:
		res, err = replay(req.Spec(), stored)
		return res, true, err
	}
	res, err = next(ctx, req)
	a.settle(ctx, use, res, err)
	return res, false, err
}

func checkIdempotencyKey(key string, want need) error {
	switch {
	case want.secret:
		return badRequest("idempotency_key", "call without it; if the answer was lost, revoke what was made and make another one",
			errors.New("the answer holds a secret, which is not stored, so it cannot be given again under an "+idempotencyHeader))
	case len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return badRequest("idempotency_key", "a UUID does", fmt.Errorf("%s: want 1 to %d printable characters of ASCII",
			idempotencyHeader, maxIdempotencyKey))
	}
	return nil
}

// use is a call under a key. Requests are equal if their fields are.
func (a admission) use(who caller, req connect.AnyRequest, key string) (*access.Use, error) {
	message, ok := req.Any().(proto.Message)
	if !ok {
		return nil, errors.New("a request that is no message")
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(text)
	owner := who.actor
	if who.token != 0 { // its name may be another token's tomorrow
		owner = fmt.Sprintf("token %d", who.token)
	}
	return &access.Use{
		Actor: owner, Key: key, Procedure: strings.TrimPrefix(req.Spec().Procedure, procedurePrefix),
		RequestHash: hash[:], Lasts: a.api.cfg.CallTimeout + afterwards,
	}, nil
}

// settle says what became of the call. Where that cannot be stored, the key is
// in doubt when the call's time is over, and does nothing again.
func (a admission) settle(ctx context.Context, use *access.Use, res connect.AnyResponse, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	switch {
	case err == nil:
		var body []byte
		message, _ := res.Any().(proto.Message)
		if body, err = proto.Marshal(message); err == nil {
			err = a.api.keys.Done(ctx, use, body)
		}
	case isRefusal(explain(err)):
		err = a.api.keys.Undone(ctx, use)
	default:
		err = a.api.keys.Doubtful(ctx, use)
	}
	if err != nil {
		a.api.log.WithError(err).WithField("procedure", use.Procedure).Warn("api: what became of an idempotency key was not noted")
	}
}

// isRefusal reports whether an error was found before anything was changed.
func isRefusal(err error) bool {
	switch connect.CodeOf(err) {
	case connect.CodeInvalidArgument, connect.CodeNotFound, connect.CodeAlreadyExists, connect.CodeFailedPrecondition,
		connect.CodePermissionDenied, connect.CodeUnauthenticated, connect.CodeOutOfRange, connect.CodeUnimplemented:
		return true
	default: // a database that goes away in the middle has stored the change or not
		return false
	}
}

func aboutKey(err error) error {
	p := &controlv1.Problem{Class: classConflict}
	switch {
	case errors.Is(err, access.ErrOtherRequest):
		p.Reason, p.NextStep = "idempotency_key_used", "give every change a key of its own"
		return problem(connect.CodeAlreadyExists, err, p)
	case errors.Is(err, access.ErrInProgress):
		p.Reason, p.RetryHelps, p.NextStep = "in_progress", true, "ask again with the same key in a moment"
		return problem(connect.CodeAborted, err, p)
	case errors.Is(err, access.ErrOutcomeUnknown):
		p.Reason, p.NextStep = "outcome_unknown", "look whether the change is there; if not, make it under another key"
		return problem(connect.CodeAborted, err, p)
	default:
		return err
	}
}

// replay is the stored answer of a procedure.
func replay(spec connect.Spec, stored []byte) (connect.AnyResponse, error) {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, fmt.Errorf("the answer of %s has no type", spec.Procedure)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, err
	}
	message := kind.New().Interface()
	if err := proto.Unmarshal(stored, message); err != nil {
		return nil, fmt.Errorf("reading the stored answer of %s: %w", spec.Procedure, err)
	}
	out := replayed{connect.NewResponse(&emptypb.Empty{}), message}
	out.Header().Set(replayedHeader, "true")
	return out, nil
}

// replayed is an answer of which only the message is another one.
type replayed struct {
	connect.AnyResponse

	message proto.Message
}

// Any implements connect.AnyResponse.
func (r replayed) Any() any { return r.message }

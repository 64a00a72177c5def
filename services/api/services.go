package api

import (
	"net/http"

	"connectrpc.com/connect"

	"github.com/alphapulse/alphapulse/proto/alphapulse/control/v1/controlv1connect"
)

// services are the handlers of every service, by the path that its calls have.
// What a caller may do with each is said in needs.
func (a *API) services(options connect.HandlerOption) map[string]http.Handler {
	all := map[string]http.Handler{}
	add := func(path string, handler http.Handler) { all[path] = handler }
	add(controlv1connect.NewAccountServiceHandler(accounts{a}, options))
	add(controlv1connect.NewRunServiceHandler(runs{a}, options))
	add(controlv1connect.NewStatusServiceHandler(status{a}, options))
	add(controlv1connect.NewHistoryServiceHandler(histories{a}, options))
	add(controlv1connect.NewQuarantineServiceHandler(quarantine{a}, options))
	add(controlv1connect.NewCandleServiceHandler(candles{a}, options))
	add(controlv1connect.NewQueueServiceHandler(queues{a}, options))
	add(controlv1connect.NewDataServiceHandler(datas{a}, options))
	add(controlv1connect.NewNoticeServiceHandler(notices{a}, options))
	add(controlv1connect.NewDeadServiceHandler(dead{a}, options))
	add(controlv1connect.NewReplayServiceHandler(replays{a}, options))
	add(controlv1connect.NewControlServiceHandler(controls{a}, options))
	add(controlv1connect.NewTokenServiceHandler(tokens{a}, options))
	add(controlv1connect.NewAuditServiceHandler(audits{a}, options))
	return all
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	controlv1 "github.com/alphapulse/alphapulse/proto/alphapulse/control/v1"
)

// checkClocks compares this machine's clock with that of each exchange.
func (d *doctor) checkClocks(ctx context.Context) {
	if d.state == nil {
		d.warn("exchange clocks", "start the API, which knows the markets", "not checked: the API did not answer")
		return
	}
	if len(d.state.GetMarkets()) == 0 {
		d.ok("exchange clocks", "there are no markets yet")
	}
	for _, market := range d.state.GetMarkets() {
		check := "clock of " + market.GetExchange() + " " + market.GetEnvironment()
		ahead, err := exchangeClock(ctx, market.GetBaseUrl())
		if err != nil {
			d.fail(check, "see that the address is right and reachable from here", "%s: %v", market.GetBaseUrl(), err)
			continue
		}
		d.clock(check, ahead, "that of "+market.GetBaseUrl())
	}
}

// clockReadings are taken of each exchange; the one with the shortest round trip
// counts, since its error is at most half of that.
const clockReadings = 3

// exchangeClock is how far an exchange's clock is ahead of ours. One reading
// that succeeds is enough.
func exchangeClock(ctx context.Context, baseURL string) (time.Duration, error) {
	var ahead time.Duration
	var shortest time.Duration
	var last error
	for range clockReadings {
		offset, roundTrip, err := readExchangeClock(ctx, baseURL)
		if err != nil {
			last = err
			break // an exchange that does not answer is not asked three times
		}
		if shortest == 0 || roundTrip < shortest {
			ahead, shortest = offset, roundTrip
		}
	}
	if shortest == 0 {
		return 0, last
	}
	return ahead, nil
}

// readExchangeClock looks at the clock once. The address is that of Bybit V5's
// server time, which needs no key.
func readExchangeClock(ctx context.Context, baseURL string) (ahead, roundTrip time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/v5/market/time", nil)
	if err != nil {
		return 0, 0, err
	}
	client := &http.Client{Timeout: dialPatience}
	sent := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReport))
	roundTrip = max(time.Since(sent), 1)
	if err != nil {
		return 0, 0, err
	}
	at, err := serverTime(res.StatusCode, body)
	if err != nil {
		return 0, 0, err
	}
	return at.Sub(sent.Add(roundTrip / 2)), roundTrip, nil
}

func serverTime(status int, body []byte) (time.Time, error) {
	var answer struct {
		Code   int    `json:"retCode"`
		Text   string `json:"retMsg"`
		Result struct {
			Nano string `json:"timeNano"`
		} `json:"result"`
	}
	if status != http.StatusOK {
		return time.Time{}, fmt.Errorf("it answers HTTP %d", status)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return time.Time{}, errors.New("what answers there is not the exchange's API")
	}
	nano, err := strconv.ParseInt(answer.Result.Nano, 10, 64)
	if answer.Code != 0 || err != nil {
		return time.Time{}, fmt.Errorf("it does not tell the time (code %d, %.80q)", answer.Code, answer.Text)
	}
	return time.Unix(0, nano), nil
}

// checkKeys tells of keys that were refused, end soon, or may do more than read.
func (d *doctor) checkKeys(context.Context) {
	if d.state == nil {
		d.warn("keys", "start the API, which knows the accounts", "not checked: the API did not answer")
		return
	}
	for _, state := range d.state.GetAccounts() {
		d.checkKey(state.GetAccount(), d.state.GetReadAt().AsTime())
	}
}

func (d *doctor) checkKey(a *controlv1.Account, now time.Time) {
	check, name := "key of "+a.GetName(), a.GetName()
	renew := "`alphapulse accounts set-key " + name + "` with a new key"
	end := a.GetKeyExpiresAt()
	switch {
	case a.GetStatus() == "needs_attention":
		d.fail(check, renew+", or `alphapulse accounts resume "+name+"` once it is mended at the exchange",
			"the exchange refused it: %s", a.GetReason())
	case a.GetStatus() == "pending":
		d.warn(check, "`alphapulse accounts test "+name+"`", "it has not passed a probe: %s", orDash(a.GetReason()))
	case end != nil && !end.AsTime().After(now):
		d.fail(check, renew, "it expired on %s", moment(end))
	case end != nil && end.AsTime().Sub(now) < keyWarning:
		d.warn(check, renew, "it expires in %s", span(end.AsTime().Sub(now)))
	case a.GetAllowWriteKey():
		d.warn(check, "use a read-only key: nothing here needs more", "it is allowed to trade or withdraw; permissions: %s", permissions(a))
	default:
		d.ok(check, "expires %s; permissions: %s", keyEnd(a), permissions(a))
	}
}

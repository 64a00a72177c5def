package exchangesim

import (
	"strconv"
	"strings"
	"time"
)

// ServerTime is the result of market/time.
type ServerTime struct {
	TimeSecond string `json:"timeSecond"`
	TimeNano   string `json:"timeNano"`
}

func serveTime(_ *Exchange, c *call) (any, *refusal) {
	at := c.dated()
	return ServerTime{
		TimeSecond: strconv.FormatInt(at/second, 10),
		TimeNano:   strconv.FormatInt(at*int64(time.Millisecond), 10),
	}, nil
}

type tickerList struct {
	Category string `json:"category"`
	List     []any  `json:"list"`
}

// serveTickers answers a whole category at once; options only by symbol or
// base coin.
func serveTickers(x *Exchange, c *call) (any, *refusal) {
	category, no := c.category(spot, linear, inverse, option)
	if no != nil {
		return nil, no
	}
	name, base, date := c.query.Get("symbol"), c.query.Get("baseCoin"), strings.ToUpper(c.query.Get("expDate"))
	if category == option && name == "" && base == "" {
		return nil, badParam("symbol or baseCoin is required for option")
	}
	result := tickerList{Category: category, List: []any{}}
	frame := x.world.frame(c.at)
	if name != "" {
		s, ok := x.world.market.find(category, name, c.at)
		if !ok {
			return nil, badParam("symbol invalid: %s", name)
		}
		result.List = append(result.List, s.ticker(frame))
		return result, nil
	}
	for _, s := range x.world.market.instruments(category, c.at) {
		if category == option && (s.coin.name != base || date != "" && !strings.Contains(s.name, "-"+date+"-")) {
			continue
		}
		result.List = append(result.List, s.ticker(frame))
	}
	return result, nil
}

package exchangesim

import (
	"strconv"

	"github.com/shopspring/decimal"
)

// SpotInstrument is one row of market/instruments-info?category=spot.
type SpotInstrument struct {
	SymbolID       int64          `json:"symbolId"`
	Symbol         string         `json:"symbol"`
	BaseCoin       string         `json:"baseCoin"`
	QuoteCoin      string         `json:"quoteCoin"`
	Innovation     string         `json:"innovation"`
	Status         string         `json:"status"`
	MarginTrading  string         `json:"marginTrading"`
	StTag          string         `json:"stTag"`
	LotSizeFilter  SpotLotSize    `json:"lotSizeFilter"`
	PriceFilter    SpotPriceSteps `json:"priceFilter"`
	RiskParameters RiskParameters `json:"riskParameters"`
	SymbolType     string         `json:"symbolType"`
}

// SpotLotSize says in which steps a spot pair trades, in its base coin; the
// amounts are in its quote coin.
type SpotLotSize struct {
	BasePrecision             string `json:"basePrecision"`
	QuotePrecision            string `json:"quotePrecision"`
	MinOrderQty               string `json:"minOrderQty"`
	MaxOrderQty               string `json:"maxOrderQty"`
	MinOrderAmt               string `json:"minOrderAmt"`
	MaxOrderAmt               string `json:"maxOrderAmt"`
	MaxLimitOrderQty          string `json:"maxLimitOrderQty"`
	MaxMarketOrderQty         string `json:"maxMarketOrderQty"`
	PostOnlyMaxLimitOrderSize string `json:"postOnlyMaxLimitOrderSize"`
}

// SpotPriceSteps is the tick of a spot pair.
type SpotPriceSteps struct {
	TickSize string `json:"tickSize"`
}

// ContractInstrument is one row of the linear and inverse categories. Only what
// is in PreLaunch has a PreListingInfo; a dated future has no funding.
type ContractInstrument struct {
	Symbol              string          `json:"symbol"`
	SymbolID            int64           `json:"symbolId"`
	ContractType        string          `json:"contractType"`
	Status              string          `json:"status"`
	BaseCoin            string          `json:"baseCoin"`
	QuoteCoin           string          `json:"quoteCoin"`
	LaunchTime          string          `json:"launchTime"`
	DeliveryTime        string          `json:"deliveryTime"`
	DeliveryFeeRate     string          `json:"deliveryFeeRate"`
	PriceScale          string          `json:"priceScale"`
	LeverageFilter      LeverageSteps   `json:"leverageFilter"`
	PriceFilter         PriceSteps      `json:"priceFilter"`
	LotSizeFilter       ContractLotSize `json:"lotSizeFilter"`
	UnifiedMarginTrade  bool            `json:"unifiedMarginTrade"`
	FundingInterval     int             `json:"fundingInterval"`
	SettleCoin          string          `json:"settleCoin"`
	CopyTrading         string          `json:"copyTrading"`
	UpperFundingRate    string          `json:"upperFundingRate"`
	LowerFundingRate    string          `json:"lowerFundingRate"`
	DisplayName         string          `json:"displayName"`
	ForbidUplWithdrawal bool            `json:"forbidUplWithdrawal"`
	IsPreListing        bool            `json:"isPreListing"`
	PreListingInfo      *PreListing     `json:"preListingInfo"`
	RiskParameters      RiskParameters  `json:"riskParameters"`
	SymbolType          string          `json:"symbolType"`
}

// OptionInstrument is one row of the option category.
type OptionInstrument struct {
	Symbol          string        `json:"symbol"`
	Status          string        `json:"status"`
	BaseCoin        string        `json:"baseCoin"`
	QuoteCoin       string        `json:"quoteCoin"`
	SettleCoin      string        `json:"settleCoin"`
	OptionsType     string        `json:"optionsType"`
	LaunchTime      string        `json:"launchTime"`
	DeliveryTime    string        `json:"deliveryTime"`
	DeliveryFeeRate string        `json:"deliveryFeeRate"`
	PriceFilter     PriceSteps    `json:"priceFilter"`
	LotSizeFilter   OptionLotSize `json:"lotSizeFilter"`
	DisplayName     string        `json:"displayName"`
}

// LeverageSteps says which leverages a contract allows.
type LeverageSteps struct {
	MinLeverage  string `json:"minLeverage"`
	MaxLeverage  string `json:"maxLeverage"`
	LeverageStep string `json:"leverageStep"`
}

// PriceSteps says which prices an order may name.
type PriceSteps struct {
	MinPrice string `json:"minPrice"`
	MaxPrice string `json:"maxPrice"`
	TickSize string `json:"tickSize"`
}

// ContractLotSize says in which steps a contract trades: in its base coin, an
// inverse one in US dollars.
type ContractLotSize struct {
	MaxOrderQty         string `json:"maxOrderQty"`
	MinOrderQty         string `json:"minOrderQty"`
	QtyStep             string `json:"qtyStep"`
	PostOnlyMaxOrderQty string `json:"postOnlyMaxOrderQty"`
	MaxMktOrderQty      string `json:"maxMktOrderQty"`
	MinNotionalValue    string `json:"minNotionalValue"`
}

// OptionLotSize says in which steps an option trades.
type OptionLotSize struct {
	MaxOrderQty string `json:"maxOrderQty"`
	MinOrderQty string `json:"minOrderQty"`
	QtyStep     string `json:"qtyStep"`
}

// RiskParameters bound the price of an order.
type RiskParameters struct {
	PriceLimitRatioX string `json:"priceLimitRatioX"`
	PriceLimitRatioY string `json:"priceLimitRatioY"`
}

// PreListing tells where a contract in PreLaunch is.
type PreListing struct {
	CurAuctionPhase string         `json:"curAuctionPhase"`
	Phases          []AuctionPhase `json:"phases"`
	AuctionFeeInfo  AuctionFees    `json:"auctionFeeInfo"`
}

// AuctionPhase is a phase with its bounds in Unix milliseconds; an open one is "".
type AuctionPhase struct {
	Phase     string `json:"phase"`
	StartTime string `json:"startTime"`
	EndTime   string `json:"endTime"`
}

// AuctionFees are the fees before the launch.
type AuctionFees struct {
	AuctionFeeRate string `json:"auctionFeeRate"`
	TakerFeeRate   string `json:"takerFeeRate"`
	MakerFeeRate   string `json:"makerFeeRate"`
}

// instrument gives an instrument's row in the shape of its category.
func (l listed) instrument() any {
	switch l.category {
	case spot:
		return l.spotInstrument()
	case option:
		return l.optionInstrument()
	default:
		return l.contractInstrument()
	}
}

func (l listed) tick() decimal.Decimal { return decimal.New(1, -l.coin.scale) }

func (l listed) step() decimal.Decimal { return decimal.New(1, -l.qtyScale()) }

// lots is a number of steps.
func (l listed) lots(n int64) string { return l.step().Mul(decimal.NewFromInt(n)).String() }

func (l listed) prices() PriceSteps {
	return PriceSteps{
		MinPrice: l.tick().String(), MaxPrice: decimal.New(l.coin.base*20, -l.coin.scale).String(), TickSize: l.tick().String(),
	}
}

func (l listed) symbolID() int64 { return l.seed.named("id").between(1, 99_999) }

func (l listed) spotInstrument() SpotInstrument {
	return SpotInstrument{
		SymbolID: l.symbolID(), Symbol: l.name, BaseCoin: l.coin.name, QuoteCoin: l.quote, Innovation: "0", Status: l.status,
		MarginTrading: "utaOnly", StTag: "0",
		LotSizeFilter: SpotLotSize{
			BasePrecision: l.step().String(), QuotePrecision: "0.00000001", MinOrderQty: l.lots(1), MaxOrderQty: l.lots(1_000_000_000),
			MinOrderAmt: "5", MaxOrderAmt: "8000000", MaxLimitOrderQty: l.lots(1_000_000_000), MaxMarketOrderQty: l.lots(500_000_000),
			PostOnlyMaxLimitOrderSize: "60000",
		},
		PriceFilter:    SpotPriceSteps{TickSize: l.tick().String()},
		RiskParameters: RiskParameters{PriceLimitRatioX: "0.005", PriceLimitRatioY: "0.01"},
	}
}

func (l listed) contractInstrument() ContractInstrument {
	row := ContractInstrument{
		Symbol: l.name, SymbolID: l.symbolID(), ContractType: l.contractType(), Status: l.status,
		BaseCoin: l.coin.name, QuoteCoin: l.quote, SettleCoin: l.settle,
		LaunchTime: millis(l.launch), DeliveryTime: millis(l.delivery), PriceScale: strconv.Itoa(int(l.coin.scale)),
		LeverageFilter: LeverageSteps{MinLeverage: "1", MaxLeverage: "100.00", LeverageStep: "0.01"},
		PriceFilter:    l.prices(),
		LotSizeFilter: ContractLotSize{
			MaxOrderQty: l.lots(1_000_000), MinOrderQty: l.lots(1), QtyStep: l.step().String(), PostOnlyMaxOrderQty: l.lots(1_000_000),
			MaxMktOrderQty: l.lots(500_000), MinNotionalValue: "5",
		},
		UnifiedMarginTrade: true, FundingInterval: 480, CopyTrading: "both", UpperFundingRate: "0.00375", LowerFundingRate: "-0.00375",
		RiskParameters: RiskParameters{PriceLimitRatioX: "0.01", PriceLimitRatioY: "0.02"},
	}
	if l.kind == kindDated {
		row.DeliveryFeeRate, row.CopyTrading = "0.0005", "none"
		row.FundingInterval, row.UpperFundingRate, row.LowerFundingRate = 0, "", ""
	}
	if l.status == instrumentPreLaunch {
		row.IsPreListing, row.PreListingInfo = true, l.preListing()
	}
	return row
}

// contractType: LinearPerpetual, LinearFutures, InversePerpetual, InverseFutures.
func (l listed) contractType() string {
	kind := "Linear"
	if l.category == inverse {
		kind = "Inverse"
	}
	if l.kind == kindDated {
		return kind + "Futures"
	}
	return kind + "Perpetual"
}

func (l listed) preListing() *PreListing {
	return &PreListing{
		CurAuctionPhase: "NotStarted",
		Phases: []AuctionPhase{
			{Phase: "NotStarted", EndTime: millis(l.launch - hour)},
			{Phase: "CallAuction", StartTime: millis(l.launch - hour), EndTime: millis(l.launch)},
			{Phase: "ContinuousTrading", StartTime: millis(l.launch)},
		},
		AuctionFeeInfo: AuctionFees{AuctionFeeRate: "0", TakerFeeRate: "0.001", MakerFeeRate: "0.0004"},
	}
}

func (l listed) optionInstrument() OptionInstrument {
	row := OptionInstrument{
		Symbol: l.name, Status: l.status, BaseCoin: l.coin.name, QuoteCoin: l.quote, SettleCoin: l.settle, OptionsType: "Put",
		LaunchTime: millis(l.launch), DeliveryTime: millis(l.delivery), DeliveryFeeRate: "0.00015", PriceFilter: l.prices(),
		LotSizeFilter: OptionLotSize{MaxOrderQty: l.lots(50_000), MinOrderQty: l.lots(1), QtyStep: l.step().String()},
		DisplayName:   l.name,
	}
	if l.call {
		row.OptionsType = "Call"
	}
	return row
}

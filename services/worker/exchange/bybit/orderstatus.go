package bybit

// orderStatus translates the exchange's word.
//
//	New                      open
//	PartiallyFilled          partially_filled
//	Untriggered              untriggered
//	Triggered                open: it lasts an instant, between Untriggered and New
//	Filled                   filled
//	Cancelled                cancelled; a derivative's may have fills
//	PartiallyFilledCanceled  cancelled; spot, with fills
//	Deactivated              cancelled, before it was triggered
//	Rejected                 rejected
//	Expired                  expired
//
// Any other is unknown: the exchange adds words, and a row is not refused for
// one.
func orderStatus(word text) string {
	switch word {
	case "New", "Triggered":
		return "open"
	case "PartiallyFilled":
		return "partially_filled"
	case "Untriggered":
		return "untriggered"
	case "Filled":
		return "filled"
	case "Cancelled", "PartiallyFilledCanceled", "Deactivated":
		return "cancelled"
	case "Rejected":
		return "rejected"
	case "Expired":
		return "expired"
	default:
		return "unknown"
	}
}

// isOpen reports whether an order of this status may still trade.
func isOpen(status string) bool {
	return status == "open" || status == "partially_filled" || status == "untriggered"
}

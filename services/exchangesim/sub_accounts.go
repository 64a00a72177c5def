package exchangesim

import "fmt"

// SubMember is one row of user/query-sub-members as the exchange sends it.
type SubMember struct {
	UID         string `json:"uid"`
	Username    string `json:"username"`
	MemberType  int    `json:"memberType"`
	Status      int    `json:"status"`
	AccountMode int    `json:"accountMode"`
	Remark      string `json:"remark"`
}

type subMembers struct {
	SubMembers []SubMember `json:"subMembers"`
}

// master is the account whose subs Config.SubAccounts counts.
const master = 0

const (
	memberNormal = 1 // of memberType
	memberActive = 1 // of status
)

func (x *Exchange) isSub(index int) bool { return index > master && index <= x.cfg.SubAccounts }

// parentUID is the UID of a sub-account's master, "0" for all others.
func (x *Exchange) parentUID(index int, at int64) string {
	if !x.isSub(index) {
		return "0"
	}
	return x.profile(master, x.book.of(master), at).uid
}

// serveSubMembers answers the sub-accounts of a master, all at once. Only the
// key of a master may ask; most masters have none.
func serveSubMembers(x *Exchange, c *call) (any, *refusal) {
	if x.isSub(c.index) {
		return nil, refuse(codePermission, "Permission denied, please check your API key permissions.")
	}
	list := subMembers{SubMembers: []SubMember{}}
	if c.index != master {
		return list, nil
	}
	for index := master + 1; index <= x.cfg.SubAccounts; index++ {
		sub := x.profile(index, x.book.of(index), c.at)
		list.SubMembers = append(list.SubMembers, SubMember{
			UID: sub.uid, Username: fmt.Sprintf("standin%03d", index), MemberType: memberNormal, Status: memberActive,
			AccountMode: sub.status,
		})
	}
	return list, nil
}

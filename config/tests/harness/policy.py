"""Who may do what: the whole of it, as one table to read.

A row names a method, a path and who is answered what. The tests of the matrix (config/tests/test_matrix.py) walk the
URL map and the registry of the admin, and ask every route, with every method, as every caller: a route that has no row
here fails, and so does a row that has no route. What a row does not say is said once, in `answer` and `admin_answer`.

To add a route: add its row, with the callers who may. To add a role: add it to the sets below.
"""

# Callers of the API. A caller's name is what a failing cell is called by.

ANONYMOUS = "anonymous"  # sends nothing, and knows the id of no booking
HOLDER = "anonymous with the id"  # sends nothing, and knows the id of the booking that the path names
STRANGER = "anonymous with another id"  # knows of the booking what a person may have seen: its confirmation code
MANAGER, BOX_OFFICE, DOOR, AUDITOR = "manager", "box office", "door", "auditor"  # programs with a token of that role
NO_RIGHTS = "user without rights"
SUPERUSER = "superuser"
COOKIE = "manager by cookie"  # a browser that is logged in to the admin, on a page from elsewhere: no CSRF token
EXPIRED, REVOKED, GARBAGE, INACTIVE = "expired token", "revoked token", "garbage token", "token of an inactive user"

READ, CATALOGUE, BOOKINGS = "read token", "catalogue token", "bookings token"  # of the superuser, each narrowed
CHECK_IN, REPORTS = "check-in token", "reports token"
ROLES = {MANAGER: "manager", BOX_OFFICE: "box-office", DOOR: "door", AUDITOR: "auditor"}
SCOPES = {READ: "read", CATALOGUE: "catalogue", BOOKINGS: "bookings", CHECK_IN: "check-in", REPORTS: "reports"}

GUESTS = frozenset({ANONYMOUS, HOLDER, STRANGER})
NARROWED = frozenset(SCOPES)
KNOWN = NARROWED | ROLES.keys() | {NO_RIGHTS, SUPERUSER, COOKIE}
REFUSED_AT_THE_DOOR = frozenset({EXPIRED, REVOKED, GARBAGE, INACTIVE})
CALLERS = GUESTS | KNOWN | REFUSED_AT_THE_DOOR

EVERYBODY = GUESTS | KNOWN
STAFF = frozenset({MANAGER, BOX_OFFICE, DOOR, AUDITOR, SUPERUSER, COOKIE})
SEE_DRAFTS = STAFF | {READ, CATALOGUE}
PUBLIC = EVERYBODY - SEE_DRAFTS
PLANNERS = frozenset({MANAGER, SUPERUSER, COOKIE, CATALOGUE})
SELLERS = frozenset({MANAGER, BOX_OFFICE, SUPERUSER, COOKIE, BOOKINGS})
AT_THE_DOOR = frozenset({MANAGER, BOX_OFFICE, DOOR, SUPERUSER, COOKIE, CHECK_IN})
READERS_OF_SALES = SELLERS | {AUDITOR, READ}
READERS_OF_TICKETS = READERS_OF_SALES | AT_THE_DOOR
READERS_OF_REPORTS = frozenset({MANAGER, BOX_OFFICE, AUDITOR, SUPERUSER, COOKIE, REPORTS, READ})
BUYERS = EVERYBODY - (NARROWED - {BOOKINGS})  # a token that was made for something else books nothing
WITHOUT_THE_ID = frozenset({ANONYMOUS, STRANGER})
WITH_THE_ID = EVERYBODY - WITHOUT_THE_ID

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READS = ("GET", "HEAD", "OPTIONS")

# Every request, whatever it brings along: nobody is asked who they are.
PAGES = [
    ("GET", "//", 200),
    ("GET", "//health", 200),
    ("GET", "//health/ready", 200),
    ("GET", "//problems", 200),
    ("GET", "//problems/sold-out", 200),
    ("GET", "//problems/absent", 404),
    ("GET", "//favicon.ico", 302),
    ("GET", "/openapi.json", 200),
    ("OPTIONS", "/openapi.json", 204),
    *((method, "/nowhere", 404) for method in METHODS),
]

# What stands in braces is made by the tests: a published event, a draft, one that was never there, and so on.
# fmt: off
API = [
    # The documentation
    ("GET",    "//docs",                              {EVERYBODY: 200}),
    ("GET",    "//redoc",                             {EVERYBODY: 200}),
    ("GET",    "",                                    {EVERYBODY: 200}),
    ("GET",    "/",                                   {EVERYBODY: 200}),

    # Venues: anybody may read them, the manager decides
    ("GET",    "/venues",                             {EVERYBODY: 200}),
    ("POST",   "/venues",                             {PLANNERS: 201}),
    ("GET",    "/venues/{venue}",                     {EVERYBODY: 200}),
    ("PUT",    "/venues/{venue}",                     {PLANNERS: 200}),
    ("PATCH",  "/venues/{venue}",                     {PLANNERS: 200}),
    ("DELETE", "/venues/{venue}",                     {PLANNERS: 204}),
    ("GET",    "/venues/{absent}",                    {EVERYBODY: 404}),
    ("PUT",    "/venues/{absent}",                    {PLANNERS: 404}),
    ("PATCH",  "/venues/{absent}",                    {PLANNERS: 404}),
    ("DELETE", "/venues/{absent}",                    {PLANNERS: 404}),

    # Events: a draft is there for staff alone
    ("GET",    "/events",                             {EVERYBODY: 200}),
    ("POST",   "/events",                             {PLANNERS: 201}),
    ("GET",    "/events.ics",                         {EVERYBODY: 200}),
    ("GET",    "/events/{published}",                 {EVERYBODY: 200}),
    ("GET",    "/events/{cancelled}",                 {EVERYBODY: 200}),
    ("GET",    "/events/{draft}",                     {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/events/{absent}",                    {EVERYBODY: 404}),
    ("GET",    "/events/{published}.ics",             {EVERYBODY: 200}),
    ("GET",    "/events/{cancelled}.ics",             {EVERYBODY: 200}),
    ("GET",    "/events/{draft}.ics",                 {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/events/{absent}.ics",                {EVERYBODY: 404}),
    ("PUT",    "/events/{published}",                 {PLANNERS: 200}),
    ("PUT",    "/events/{draft}",                     {PLANNERS: 200}),
    ("PUT",    "/events/{absent}",                    {PLANNERS: 404}),
    ("PATCH",  "/events/{published}",                 {PLANNERS: 200}),
    ("PATCH",  "/events/{draft}",                     {PLANNERS: 200}),
    ("PATCH",  "/events/{absent}",                    {PLANNERS: 404}),
    ("DELETE", "/events/{published}",                 {PLANNERS: 204}),
    ("DELETE", "/events/{draft}",                     {PLANNERS: 204}),
    ("DELETE", "/events/{absent}",                    {PLANNERS: 404}),
    ("POST",   "/events/{draft}/publish",             {PLANNERS: 200}),
    ("POST",   "/events/{absent}/publish",            {PLANNERS: 404}),
    ("POST",   "/events/{published}/cancel",          {PLANNERS: 200}),
    ("POST",   "/events/{draft}/cancel",              {PLANNERS: 200}),
    ("POST",   "/events/{absent}/cancel",             {PLANNERS: 404}),

    # Ticket types: those of a draft are there for staff alone
    ("GET",    "/ticket-types",                       {EVERYBODY: 200}),
    ("POST",   "/ticket-types",                       {PLANNERS: 201}),
    ("GET",    "/ticket-types/{on_sale}",             {EVERYBODY: 200}),
    ("GET",    "/ticket-types/{of_draft}",            {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/ticket-types/{absent}",              {EVERYBODY: 404}),
    ("PUT",    "/ticket-types/{on_sale}",             {PLANNERS: 200}),
    ("PUT",    "/ticket-types/{of_draft}",            {PLANNERS: 200}),
    ("PUT",    "/ticket-types/{absent}",              {PLANNERS: 404}),
    ("PATCH",  "/ticket-types/{on_sale}",             {PLANNERS: 200}),
    ("PATCH",  "/ticket-types/{of_draft}",            {PLANNERS: 200}),
    ("PATCH",  "/ticket-types/{absent}",              {PLANNERS: 404}),
    ("DELETE", "/ticket-types/{on_sale}",             {PLANNERS: 204}),
    ("DELETE", "/ticket-types/{of_draft}",            {PLANNERS: 204}),
    ("DELETE", "/ticket-types/{absent}",              {PLANNERS: 404}),

    # Bookings: anybody may make one. Its id is the right to see it, and to cancel it until it is confirmed; what it
    # costs is confirmed by those who take money. Who does not have the id is told that there is nothing.
    ("GET",    "/bookings",                           {READERS_OF_SALES: 200}),
    ("POST",   "/bookings",                           {BUYERS: 201}),
    ("GET",    "/bookings/{pending}",                 {WITH_THE_ID: 200, WITHOUT_THE_ID: 404}),
    ("GET",    "/bookings/{confirmed}",               {WITH_THE_ID: 200, WITHOUT_THE_ID: 404}),
    ("GET",    "/bookings/{absent}",                  {EVERYBODY: 404}),
    ("PATCH",  "/bookings/{pending}",                 {SELLERS: 200}),
    ("PATCH",  "/bookings/{absent}",                  {SELLERS: 404}),
    ("POST",   "/bookings/{pending}/confirm",         {SELLERS: 200, WITHOUT_THE_ID: 404}),
    ("POST",   "/bookings/{free}/confirm",            {BUYERS - WITHOUT_THE_ID: 200, WITHOUT_THE_ID: 404}),
    ("POST",   "/bookings/{absent}/confirm",          {BUYERS: 404}),
    ("POST",   "/bookings/{pending}/cancel",          {BUYERS - WITHOUT_THE_ID: 200, WITHOUT_THE_ID: 404}),
    ("POST",   "/bookings/{confirmed}/cancel",        {SELLERS: 200, WITHOUT_THE_ID: 404}),
    ("POST",   "/bookings/{absent}/cancel",           {BUYERS: 404}),

    # Tickets: for the door. Even the holder of the booking checks nobody in.
    ("GET",    "/tickets",                            {READERS_OF_TICKETS: 200}),
    ("GET",    "/tickets/{ticket}",                   {READERS_OF_TICKETS: 200}),
    ("GET",    "/tickets/{no_ticket}",                {READERS_OF_TICKETS: 404}),
    ("POST",   "/tickets/{ticket}/check-in",          {AT_THE_DOOR: 200}),
    ("POST",   "/tickets/{no_ticket}/check-in",       {AT_THE_DOOR: 404}),
    ("POST",   "/tickets/{used}/undo-check-in",       {AT_THE_DOOR: 200}),
    ("POST",   "/tickets/{no_ticket}/undo-check-in",  {AT_THE_DOOR: 404}),

    # Reports: for those who answer for the money
    ("GET",    "/reports/overview",                   {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/sales?group_by=event",       {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/occupancy",                  {READERS_OF_REPORTS: 200}),
]
# fmt: on
# A method that a route has no row for. OPTIONS tells the methods, which the documentation tells everybody, too.
UNNAMED = {method: {EVERYBODY: 204 if method == "OPTIONS" else 405} for method in METHODS}


def answer(method, answers, caller):
    """The status for a caller; `answers` is a row's last column."""
    if caller in REFUSED_AT_THE_DOOR:
        return 401  # whoever sends credentials means to be somebody, and is not let in as a anonymous instead
    if caller == COOKIE and method not in READS:
        return 403  # a cookie alone writes nothing: it may come from a page elsewhere
    for who, status in answers.items():
        if caller in who:
            return status
    return 403 if caller in KNOWN else 401


# What each write takes; every other field of every model is refused by name. A list in a list is what its objects take.
VENUE = ["name", "address", "capacity", "timezone"]
EVENT = ["venue", "name", "description", "starts_at", "ends_at", "currency", "capacity", "max_per_customer"]
TICKET_TYPE = ["event", "name", "description", "price", "quantity", "min_per_booking", "max_per_booking",
               "sales_start_at", "sales_end_at", "position"]  # fmt: skip
WRITABLE = {
    ("POST", "/venues"): VENUE,
    ("PUT", "/venues/{venue}"): VENUE,
    ("PATCH", "/venues/{venue}"): VENUE,
    ("POST", "/events"): EVENT,
    ("PUT", "/events/{published}"): EVENT,
    ("PATCH", "/events/{published}"): EVENT,
    ("POST", "/events/{draft}/publish"): [],
    ("POST", "/events/{published}/cancel"): ["reason"],
    ("POST", "/ticket-types"): TICKET_TYPE,
    ("PUT", "/ticket-types/{on_sale}"): TICKET_TYPE,
    ("PATCH", "/ticket-types/{on_sale}"): TICKET_TYPE,
    ("POST", "/bookings"): ["customer_name", "customer_email", "items", "metadata", "hold_minutes"],
    ("PATCH", "/bookings/{pending}"): ["customer_name", "customer_email", "metadata"],
    ("POST", "/bookings/{pending}/confirm"): ["payment_reference"],
    ("POST", "/bookings/{pending}/cancel"): ["reason", "tickets"],
    ("POST", "/tickets/{ticket}/check-in"): ["event"],
    ("POST", "/tickets/{used}/undo-check-in"): [],
}
WRITABLE_IN_ITEMS = ["ticket_type", "quantity"]

# The admin: browsers with a session. Whoever is not let in is sent to the login, whatever the page.

NOT_STAFF, INACTIVE_STAFF, TOKEN = "manager who is not staff", "inactive superuser", "superuser's token"
OUTSIDE = frozenset({ANONYMOUS, NOT_STAFF, INACTIVE_STAFF, TOKEN})
INSIDE = frozenset({MANAGER, BOX_OFFICE, DOOR, AUDITOR, NO_RIGHTS, SUPERUSER})
ADMIN_CALLERS = OUTSIDE | INSIDE
NOBODY: frozenset[str] = frozenset()
ROOT = frozenset({SUPERUSER})

LOGIN, AWAY = "to the login", "to another page"  # redirections, beside statuses

# fmt: off
ADMIN_PAGES = [
    ("GET",  "/",                                   {INSIDE: 200}),
    ("GET",  "/login/",                             {INSIDE: AWAY, OUTSIDE: 200}),
    ("HEAD", "/login/",                             {INSIDE: 200, OUTSIDE: 200}),
    ("POST", "/login/",                             {INSIDE: 200, OUTSIDE: 200}),
    ("GET",  "/logout/",                            {INSIDE: 405, OUTSIDE: AWAY}),
    ("POST", "/logout/",                            {INSIDE: 200, OUTSIDE: AWAY}),
    ("GET",  "/password_change/",                   {INSIDE: 200}),
    ("POST", "/password_change/",                   {INSIDE: 200}),
    ("GET",  "/password_change/done/",              {INSIDE: 200}),
    ("POST", "/password_change/done/",              {INSIDE: 405}),
    ("GET",  "/jsi18n/",                            {INSIDE: 200}),
    ("POST", "/jsi18n/",                            {INSIDE: 405}),
    ("GET",  "/autocomplete/?{venue_of_event}",     {STAFF & INSIDE: 200}),
    ("POST", "/autocomplete/?{venue_of_event}",     {INSIDE: 405}),
    ("GET",  "/autocomplete/?{event_of_type}",      {STAFF & INSIDE: 200}),
    ("POST", "/autocomplete/?{event_of_type}",      {INSIDE: 405}),
    ("GET",  "/autocomplete/?{user_of_token}",      {ROOT: 200}),
    ("POST", "/autocomplete/?{user_of_token}",      {INSIDE: 405}),
    ("GET",  "/r/{content_type}/{venue}/",          {INSIDE: 404}),
    ("GET",  "/r/{content_type}/{absent}/",         {INSIDE: 404}),
    ("GET",  "/access/",                            {PLANNERS & INSIDE: 200, INSIDE - PLANNERS: 404}),
    ("GET",  "/auth/",                              {ROOT: 200, INSIDE - ROOT: 404}),
    ("GET",  "/bookings/",                          {STAFF & INSIDE: 200, INSIDE - STAFF: 404}),
    ("GET",  "/events/",                            {STAFF & INSIDE: 200, INSIDE - STAFF: 404}),
    ("GET",  "/ticket_types/",                      {STAFF & INSIDE: 200, INSIDE - STAFF: 404}),
    ("GET",  "/venues/",                            {STAFF & INSIDE: 200, INSIDE - STAFF: 404}),
    ("GET",  "/auth/user/{user}/password/",         {ROOT: 200}),
    ("POST", "/auth/user/{user}/password/",         {ROOT: 200}),
    ("GET",  "/events/event/calendar/",             {STAFF & INSIDE: 200}),
    ("GET",  "/bookings/booking/sell/",             {SELLERS & INSIDE: 200}),
    ("GET",  "/ticket_types/tickettype/import_catalogue/", {PLANNERS & INSIDE: 200}),
    ("GET",  "/history/",                           {STAFF & INSIDE: 200, INSIDE - STAFF: 404}),
    ("GET",  "/nowhere/",                           {INSIDE: 404}),
]

ADMIN_MODELS = {
    #                            who may see,        add,      change,   delete
    "access.apitoken":          (PLANNERS,          PLANNERS, NOBODY,   ROOT),
    "auth.group":               (ROOT,              ROOT,     ROOT,     ROOT),
    "auth.user":                (ROOT,              ROOT,     ROOT,     ROOT),
    "bookings.booking":         (READERS_OF_SALES,  NOBODY,   SELLERS,  NOBODY),
    "bookings.bookingchange":   (READERS_OF_SALES,  NOBODY,   NOBODY,   NOBODY),
    "bookings.bookingitem":     (READERS_OF_SALES,  NOBODY,   NOBODY,   NOBODY),
    "bookings.ticket":          (READERS_OF_TICKETS, NOBODY,  NOBODY,   NOBODY),
    "events.event":             (STAFF,             PLANNERS, PLANNERS, PLANNERS),
    "history.change":           (STAFF,             NOBODY,   NOBODY,   NOBODY),
    "ticket_types.tickettype":  (STAFF,             PLANNERS, PLANNERS, PLANNERS),
    "venues.venue":             (STAFF,             PLANNERS, PLANNERS, PLANNERS),
}
ADMIN_ACTIONS = {
    "access.apitoken":          {"revoke": PLANNERS, "delete_selected": ROOT},
    "auth.group":               {"delete_selected": ROOT},
    "auth.user":                {"delete_selected": ROOT},
    "bookings.booking":         {"confirm": SELLERS, "cancel": SELLERS, "cancel_tickets": SELLERS, "extend": SELLERS,
                                 "settle_refund": SELLERS, "delete_selected": NOBODY},
    "bookings.bookingchange":   {"delete_selected": NOBODY},
    "bookings.bookingitem":     {"delete_selected": NOBODY},
    "bookings.ticket":          {"check_in": AT_THE_DOOR, "undo_check_in": AT_THE_DOOR, "delete_selected": NOBODY},
    "events.event":             {"publish": PLANNERS, "cancel": PLANNERS, "delete_selected": PLANNERS},
    "history.change":           {"delete_selected": NOBODY},
    "ticket_types.tickettype":  {"delete_selected": PLANNERS},
    "venues.venue":             {"delete_selected": PLANNERS},
}
# fmt: on


def admin_answer(answers, caller):
    for who, outcome in answers.items():
        if caller in who:
            return outcome
    return 403 if caller in INSIDE else LOGIN


def unnamed_in_admin(method, answers):
    """What a page answers to a method that it has no row for: it is shown for a POST, too, and knows no others."""
    return answers if method in ("POST", "HEAD") else {ADMIN_CALLERS: 405}


def admin_rows():
    """The rows of every model's pages: what is in braces is an object, and `absent` none. Who may do something with an
    object is sent away when there is none; who may not learns nothing of that."""
    yield from ADMIN_PAGES
    for label, (see, add, change, delete) in ADMIN_MODELS.items():
        base, obj = f"/{label.replace('.', '/')}", f"{{{label}}}"
        yield "GET", f"{base}/", {see: 200}
        yield "POST", f"{base}/", {see: 200}
        if not label.startswith("auth."):
            yield "GET", f"{base}/export/", {see: 200}
        yield "GET", f"{base}/add/", {add: 200}
        yield "POST", f"{base}/add/", {add: 200}
        for page, readers, writers in (("change", see, change), ("delete", delete, delete), ("history", see, see)):
            yield "GET", f"{base}/{obj}/{page}/", {readers: 200}
            yield "GET", f"{base}/{{absent}}/{page}/", {readers: AWAY}
            yield "POST", f"{base}/{obj}/{page}/", {writers: AWAY if page == "delete" else 200}
            yield "POST", f"{base}/{{absent}}/{page}/", {writers: AWAY}
        yield "GET", f"{base}/{obj}/", {INSIDE: AWAY}
        yield "GET", f"{base}/{{absent}}/", {INSIDE: AWAY}

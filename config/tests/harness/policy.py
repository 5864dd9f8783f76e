"""All permissions as one table.

A row names a method, a path and the status for each client. config/tests/test_matrix.py walks the URL map and the
registry of the admin, and sends every method to every route as every client. A route without a row fails, and so does
a row without a route. `expected_status` and `expected_in_admin` have the defaults.

To add a route, add its row with the clients that are permitted. To add a role, add it to the sets below.
"""

# Clients of the API: the names appear in failures.

# No credentials. All of them but the first know the id of the booking in the path.
ANONYMOUS = "anonymous"
HOLDER = "anonymous with the secret"
STRANGER = "anonymous with another secret"
READER = "anonymous with the id"  # from a ticket, an export or a log; also knows the confirmation code
# Credentials. All of them send the booking's secret too, which must add nothing.
MANAGER, BOX_OFFICE, DOOR, AUDITOR = "manager", "box office", "door", "auditor"  # a token of a user with that role
NO_RIGHTS = "user without rights"
SUPERUSER = "superuser"
COOKIE = "manager by cookie"  # a browser with a session of the admin, without a CSRF token
EXPIRED, REVOKED, GARBAGE, INACTIVE = "expired token", "revoked token", "garbage token", "token of an inactive user"

READ, CATALOGUE, BOOKINGS = "read token", "catalogue token", "bookings token"  # of the superuser, with one scope
CHECK_IN, REPORTS, COUNTER = "check-in token", "reports token", "counter token"
CHANGES, WEBHOOKS, METRICS = "changes token", "webhooks token", "metrics token"
NARROWED = "token of one event"  # of the superuser, narrowed to the event `busy`
ROLES = {MANAGER: "manager", BOX_OFFICE: "box-office", DOOR: "door", AUDITOR: "auditor"}
SCOPES = {READ: "read", CATALOGUE: "catalogue", BOOKINGS: "bookings", COUNTER: "counter", CHECK_IN: "check-in",
          REPORTS: "reports", CHANGES: "changes", WEBHOOKS: "webhooks", METRICS: "metrics"}  # fmt: skip

WITHOUT_CREDENTIALS = frozenset({ANONYMOUS, HOLDER, STRANGER, READER})
SCOPED = frozenset(SCOPES)
AUTHENTICATED = SCOPED | ROLES.keys() | {NO_RIGHTS, SUPERUSER, COOKIE, NARROWED}
REJECTED = frozenset({EXPIRED, REVOKED, GARBAGE, INACTIVE})
CLIENTS = WITHOUT_CREDENTIALS | AUTHENTICATED | REJECTED

EVERYONE = WITHOUT_CREDENTIALS | AUTHENTICATED
UNLIMITED = EVERYONE - {NARROWED}  # a narrowed token may do nothing but what its event's door needs
STAFF = frozenset({MANAGER, BOX_OFFICE, DOOR, AUDITOR, SUPERUSER, COOKIE})
SEE_DRAFTS = STAFF | {READ, CATALOGUE, CHANGES, WEBHOOKS}
PUBLIC = UNLIMITED - SEE_DRAFTS
PLANNERS = frozenset({MANAGER, SUPERUSER, COOKIE, CATALOGUE})
SELLERS = frozenset({MANAGER, BOX_OFFICE, SUPERUSER, COOKIE, BOOKINGS})
AT_THE_DOOR = frozenset({MANAGER, BOX_OFFICE, DOOR, SUPERUSER, COOKIE, CHECK_IN})
READERS_OF_SALES = SELLERS | {AUDITOR, READ}
SCANNERS = AT_THE_DOOR | {NARROWED}
READERS_OF_TICKETS = READERS_OF_SALES | AT_THE_DOOR
SEE_TICKETS = READERS_OF_TICKETS | {NARROWED}
READERS_OF_REPORTS = frozenset({MANAGER, BOX_OFFICE, AUDITOR, SUPERUSER, COOKIE, REPORTS, READ})
KEEPERS_OF_WEBHOOKS = frozenset({MANAGER, SUPERUSER, COOKIE, WEBHOOKS})
READERS_OF_WEBHOOKS = KEEPERS_OF_WEBHOOKS | {AUDITOR, READ}
READERS_OF_CHANGES = frozenset({MANAGER, AUDITOR, SUPERUSER, COOKIE, READ, CHANGES})
READERS_OF_ADMISSIONS = READERS_OF_REPORTS | AT_THE_DOOR | {NARROWED}
READERS_OF_METRICS = frozenset({MANAGER, AUDITOR, SUPERUSER, COOKIE, METRICS})
BUYERS = SELLERS | WITHOUT_CREDENTIALS
HOLDERS = frozenset({HOLDER})
WITHOUT_SECRET = WITHOUT_CREDENTIALS - HOLDERS

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READS = ("GET", "HEAD", "OPTIONS")

# Pages that ignore credentials.
PAGES = [
    ("GET", "//", 200),
    ("GET", "//health", 200),
    ("GET", "//health/ready", 200),
    ("GET", "//problems", 200),
    ("GET", "//problems/sold-out", 200),
    ("GET", "//problems/absent", 404),
    ("GET", "//favicon.ico", 302),
    ("GET", "//bookings/confirm", 404),
    ("POST", "//bookings/confirm", 404),
    ("GET", "/openapi.json", 200),
    ("OPTIONS", "/openapi.json", 204),
    *((method, "/nowhere", 404) for method in METHODS),
]

# The tests replace names in braces: by a published event, a draft, an id that does not exist, and so on.
# fmt: off
API = [
    # The documentation
    ("GET",    "//docs",                              {EVERYONE: 200}),
    ("GET",    "//redoc",                             {EVERYONE: 200}),
    ("GET",    "",                                    {EVERYONE: 200}),
    ("GET",    "/",                                   {EVERYONE: 200}),

    # Venues: public; managers write
    ("GET",    "/venues",                             {UNLIMITED: 200}),
    ("POST",   "/venues",                             {PLANNERS: 201}),
    ("GET",    "/venues/{venue}",                     {UNLIMITED: 200}),
    ("PUT",    "/venues/{venue}",                     {PLANNERS: 200}),
    ("PATCH",  "/venues/{venue}",                     {PLANNERS: 200}),
    ("DELETE", "/venues/{venue}",                     {PLANNERS: 204}),
    ("GET",    "/venues/{absent}",                    {UNLIMITED: 404}),
    ("PUT",    "/venues/{absent}",                    {PLANNERS: 404}),
    ("PATCH",  "/venues/{absent}",                    {PLANNERS: 404}),
    ("DELETE", "/venues/{absent}",                    {PLANNERS: 404}),

    # Events: public, but drafts only for staff, also those that were cancelled (withdrawn)
    ("GET",    "/events",                             {EVERYONE: 200}),
    ("POST",   "/events",                             {PLANNERS: 201}),
    ("GET",    "/events.ics",                         {UNLIMITED: 200}),
    ("GET",    "/events/{published}",                 {UNLIMITED: 200, frozenset({NARROWED}): 404}),
    ("GET",    "/events/{cancelled}",                 {UNLIMITED: 200, frozenset({NARROWED}): 404}),
    ("GET",    "/events/{unlisted}",                  {UNLIMITED: 200, frozenset({NARROWED}): 404}),
    ("GET",    "/events/{draft}",                     {SEE_DRAFTS: 200, PUBLIC | {NARROWED}: 404}),
    ("GET",    "/events/{withdrawn}",                 {SEE_DRAFTS: 200, PUBLIC | {NARROWED}: 404}),
    ("GET",    "/events/{absent}",                    {EVERYONE: 404}),
    ("GET",    "/events/{published}.ics",             {UNLIMITED: 200}),
    ("GET",    "/events/{cancelled}.ics",             {UNLIMITED: 200}),
    ("GET",    "/events/{draft}.ics",                 {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/events/{withdrawn}.ics",             {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/events/{absent}.ics",                {UNLIMITED: 404}),
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
    ("POST",   "/events/{published}/unpublish",       {PLANNERS: 200}),
    ("POST",   "/events/{absent}/unpublish",          {PLANNERS: 404}),
    ("POST",   "/events/{published}/pause-sales",     {PLANNERS: 200}),
    ("POST",   "/events/{absent}/pause-sales",        {PLANNERS: 404}),
    ("POST",   "/events/{paused}/resume-sales",       {PLANNERS: 200}),
    ("POST",   "/events/{absent}/resume-sales",       {PLANNERS: 404}),
    ("POST",   "/events/{published}/postpone",        {PLANNERS: 200}),
    ("POST",   "/events/{absent}/postpone",           {PLANNERS: 404}),
    ("POST",   "/events/{published}/reschedule",      {PLANNERS: 200}),
    ("POST",   "/events/{draft}/reschedule",          {PLANNERS: 200}),
    ("POST",   "/events/{absent}/reschedule",         {PLANNERS: 404}),
    ("POST",   "/events/{published}/clone",           {PLANNERS: 201}),
    ("POST",   "/events/{cancelled}/clone",           {PLANNERS: 201}),
    ("POST",   "/events/{absent}/clone",              {PLANNERS: 404}),
    ("POST",   "/events/{published}/clone/bulk",      {PLANNERS: 201}),
    ("POST",   "/events/{absent}/clone/bulk",         {PLANNERS: 404}),
    ("POST",   "/events/{published}/cancel",          {PLANNERS: 200}),
    ("POST",   "/events/{draft}/cancel",              {PLANNERS: 200}),
    ("POST",   "/events/{absent}/cancel",             {PLANNERS: 404}),

    # Ticket types: public, but those of drafts only for staff
    ("GET",    "/ticket-types",                       {UNLIMITED: 200}),
    ("POST",   "/ticket-types",                       {PLANNERS: 201}),
    ("POST",   "/ticket-types/bulk",                  {PLANNERS: 201}),
    ("GET",    "/ticket-types/{on_sale}",             {UNLIMITED: 200}),
    ("GET",    "/ticket-types/{of_draft}",            {SEE_DRAFTS: 200, PUBLIC: 404}),
    ("GET",    "/ticket-types/{absent}",              {UNLIMITED: 404}),
    ("PUT",    "/ticket-types/{on_sale}",             {PLANNERS: 200}),
    ("PUT",    "/ticket-types/{of_draft}",            {PLANNERS: 200}),
    ("PUT",    "/ticket-types/{absent}",              {PLANNERS: 404}),
    ("PATCH",  "/ticket-types/{on_sale}",             {PLANNERS: 200}),
    ("PATCH",  "/ticket-types/{of_draft}",            {PLANNERS: 200}),
    ("PATCH",  "/ticket-types/{absent}",              {PLANNERS: 404}),
    ("DELETE", "/ticket-types/{on_sale}",             {PLANNERS: 204}),
    ("DELETE", "/ticket-types/{of_draft}",            {PLANNERS: 204}),
    ("DELETE", "/ticket-types/{absent}",              {PLANNERS: 404}),

    # Bookings: anonymous clients may book, and with the secret read, confirm what is free and cancel while pending.
    # Without the secret, the answer is 404. Known clients have their own rights alone.
    ("GET",    "/bookings",                           {READERS_OF_SALES: 200}),
    ("POST",   "/bookings",                           {BUYERS: 201}),
    ("GET",    "/bookings/{pending}",                 {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{confirmed}",               {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{absent}",                  {READERS_OF_SALES | WITHOUT_CREDENTIALS: 404}),
    ("PATCH",  "/bookings/{pending}",                 {SELLERS: 200}),
    ("PATCH",  "/bookings/{absent}",                  {SELLERS: 404}),
    ("POST",   "/bookings/{pending}/confirm",         {SELLERS: 200, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{free}/confirm",            {SELLERS | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{absent}/confirm",          {BUYERS: 404}),
    ("POST",   "/bookings/{mailed}/resend",           {SELLERS | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{absent}/resend",           {BUYERS: 404}),
    ("POST",   "/bookings/{pending}/cancel",          {SELLERS | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{confirmed}/cancel",        {SELLERS: 200, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{absent}/cancel",           {BUYERS: 404}),
    ("POST",   "/bookings/{pending}/renew-secret",    {SELLERS: 200}),
    ("POST",   "/bookings/{absent}/renew-secret",     {SELLERS: 404}),
    ("POST",   "/bookings/lookup",                    {UNLIMITED: 202}),

    # What a booking's secret opens besides: its documents, and the holders of its tickets.
    ("GET",    "/bookings/{confirmed}.ics",           {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{absent}.ics",              {READERS_OF_SALES | WITHOUT_CREDENTIALS: 404}),
    ("GET",    "/bookings/{confirmed}/tickets.pdf",   {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{absent}/tickets.pdf",      {READERS_OF_SALES | WITHOUT_CREDENTIALS: 404}),
    ("GET",    "/bookings/{confirmed}/tickets/{ticket}.svg", {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{absent}/tickets/{ticket}.svg", {READERS_OF_SALES | WITHOUT_CREDENTIALS: 404}),
    ("GET",    "/bookings/{confirmed}/tickets/{ticket}.png", {READERS_OF_SALES | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("GET",    "/bookings/{absent}/tickets/{ticket}.png", {READERS_OF_SALES | WITHOUT_CREDENTIALS: 404}),
    ("PATCH",  "/bookings/{confirmed}/tickets/{ticket}", {SELLERS | HOLDERS: 200, WITHOUT_SECRET: 404}),
    ("PATCH",  "/bookings/{absent}/tickets/{ticket}", {SELLERS | WITHOUT_CREDENTIALS: 404}),

    # Payments: the customer may pay a booking with its secret; staff see and refund payments. Events of providers prove
    # themselves by a signature.
    ("POST",   "/bookings/{pending}/payments",        {SELLERS | HOLDERS: 201, WITHOUT_SECRET: 404}),
    ("POST",   "/bookings/{absent}/payments",         {BUYERS: 404}),
    ("POST",   "/bookings/{confirmed}/refunds",       {SELLERS: 201}),
    ("POST",   "/bookings/{absent}/refunds",          {SELLERS: 404}),
    ("GET",    "/payments",                           {READERS_OF_SALES: 200}),
    ("GET",    "/payments/{payment}",                 {READERS_OF_SALES: 200}),
    ("GET",    "/payments/{absent}",                  {READERS_OF_SALES: 404}),
    ("POST",   "/payments/fake/events",               {UNLIMITED: 200}),
    ("POST",   "/payments/nobody/events",             {UNLIMITED: 404}),

    # Webhooks: managers keep endpoints, and have deliveries sent again
    ("GET",    "/webhook-endpoints",                  {READERS_OF_WEBHOOKS: 200}),
    ("POST",   "/webhook-endpoints",                  {KEEPERS_OF_WEBHOOKS: 201}),
    ("GET",    "/webhook-endpoints/{endpoint}",       {READERS_OF_WEBHOOKS: 200}),
    ("PUT",    "/webhook-endpoints/{endpoint}",       {KEEPERS_OF_WEBHOOKS: 200}),
    ("PATCH",  "/webhook-endpoints/{endpoint}",       {KEEPERS_OF_WEBHOOKS: 200}),
    ("DELETE", "/webhook-endpoints/{endpoint}",       {KEEPERS_OF_WEBHOOKS: 204}),
    ("GET",    "/webhook-endpoints/{absent}",         {READERS_OF_WEBHOOKS: 404}),
    ("PUT",    "/webhook-endpoints/{absent}",         {KEEPERS_OF_WEBHOOKS: 404}),
    ("PATCH",  "/webhook-endpoints/{absent}",         {KEEPERS_OF_WEBHOOKS: 404}),
    ("DELETE", "/webhook-endpoints/{absent}",         {KEEPERS_OF_WEBHOOKS: 404}),
    ("POST",   "/webhook-endpoints/{endpoint}/rotate-secret", {KEEPERS_OF_WEBHOOKS: 200}),
    ("POST",   "/webhook-endpoints/{absent}/rotate-secret", {KEEPERS_OF_WEBHOOKS: 404}),
    ("POST",   "/webhook-endpoints/{endpoint}/test",  {KEEPERS_OF_WEBHOOKS: 201}),
    ("POST",   "/webhook-endpoints/{absent}/test",    {KEEPERS_OF_WEBHOOKS: 404}),
    ("GET",    "/webhook-deliveries",                 {READERS_OF_WEBHOOKS: 200}),
    ("GET",    "/webhook-deliveries/{delivery}",      {READERS_OF_WEBHOOKS: 200}),
    ("GET",    "/webhook-deliveries/{absent}",        {READERS_OF_WEBHOOKS: 404}),
    ("POST",   "/webhook-deliveries/{delivery}/redeliver", {KEEPERS_OF_WEBHOOKS: 200}),
    ("POST",   "/webhook-deliveries/{absent}/redeliver", {KEEPERS_OF_WEBHOOKS: 404}),

    # Tickets: for staff. The secret of the booking does not permit checking in.
    ("GET",    "/tickets",                            {SEE_TICKETS: 200}),
    ("GET",    "/tickets/{ticket}",                   {SEE_TICKETS: 200}),
    ("GET",    "/tickets/{no_ticket}",                {SEE_TICKETS: 404}),
    ("POST",   "/tickets/{ticket}/check-in",          {SCANNERS: 200}),
    ("POST",   "/tickets/{no_ticket}/check-in",       {SCANNERS: 404}),
    ("POST",   "/tickets/{used}/check-out",           {SCANNERS: 200}),
    ("POST",   "/tickets/{no_ticket}/check-out",      {SCANNERS: 404}),
    ("POST",   "/tickets/{used}/undo-check-in",       {SCANNERS: 200}),
    ("POST",   "/tickets/{no_ticket}/undo-check-in",  {SCANNERS: 404}),

    # The door. A token that is narrowed to an event finds nothing of the others.
    ("POST",   "/check-ins",                          {SCANNERS: 200}),
    ("POST",   "/bookings/{confirmed}/check-in",      {SCANNERS: 200}),
    ("POST",   "/bookings/{absent}/check-in",         {SCANNERS: 404}),
    ("GET",    "/events/{busy}/door-list",            {SEE_TICKETS: 200}),
    ("GET",    "/events/{published}/door-list",       {READERS_OF_TICKETS: 200, frozenset({NARROWED}): 404}),
    ("GET",    "/events/{absent}/door-list",          {SEE_TICKETS: 404}),

    # Changes: for programs that follow what happens. What a client may not see is left out.
    ("GET",    "/changes",                            {READERS_OF_CHANGES: 200}),

    # Reports
    ("GET",    "/reports/overview",                   {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/sales?group_by=event",       {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/occupancy",                  {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/admissions?event={busy}",    {READERS_OF_ADMISSIONS: 200}),
    ("GET",    "/reports/cancellations?group_by=day", {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/refunds?group_by=event",     {READERS_OF_REPORTS: 200}),
    ("GET",    "/reports/till?day=2026-11-23",        {READERS_OF_REPORTS: 200}),

    # Metrics: for staff and Prometheus, and without credentials from METRICS_ALLOW alone
    ("GET",    "//metrics",                           {READERS_OF_METRICS: 200}),
]
# fmt: on
# Methods without a row. OPTIONS lists the methods, which are public.
OTHER_METHODS = {method: {EVERYONE: 204 if method == "OPTIONS" else 405} for method in METHODS}


def expected_status(method, statuses, client):
    """The status for a client; `statuses` is a row's last column."""
    if client in REJECTED:
        return 401  # invalid credentials never become an anonymous request
    if client == COOKIE and method not in READS:
        return 403  # no CSRF token
    for clients, status in statuses.items():
        if client in clients:
            return status
    return 403 if client in AUTHENTICATED else 401


# The fields that each write accepts. All other fields of all models are refused by name.
VENUE = ["name", "address", "capacity", "timezone"]
EVENT = ["venue", "name", "description", "starts_at", "ends_at", "currency", "capacity", "max_per_customer",
         "free_confirmation", "is_cancellable_by_customer", "visibility"]  # fmt: skip
TICKET_TYPE = ["event", "name", "description", "price", "fee", "tax_rate", "quantity", "min_per_booking",
               "max_per_booking", "sales_start_at", "sales_end_at", "is_name_required", "position"]  # fmt: skip
ENDPOINT = ["url", "types", "description", "is_active"]
WRITABLE = {
    ("POST", "/venues"): VENUE,
    ("PUT", "/venues/{venue}"): VENUE,
    ("PATCH", "/venues/{venue}"): VENUE,
    ("POST", "/events"): EVENT,
    ("PUT", "/events/{published}"): EVENT,
    ("PATCH", "/events/{published}"): EVENT,
    ("POST", "/events/{draft}/publish"): [],
    ("POST", "/events/{published}/cancel"): ["reason"],
    ("POST", "/events/{published}/unpublish"): [],
    ("POST", "/events/{published}/pause-sales"): [],
    ("POST", "/events/{paused}/resume-sales"): [],
    ("POST", "/events/{published}/postpone"): ["reason"],
    ("POST", "/events/{published}/reschedule"): ["starts_at", "ends_at", "reason"],
    ("POST", "/events/{published}/clone"): ["starts_at", "name"],
    ("POST", "/events/{published}/clone/bulk"): ["starts_at", "name"],
    ("POST", "/ticket-types"): TICKET_TYPE,
    ("POST", "/ticket-types/bulk"): ["ticket_types"],
    ("PUT", "/ticket-types/{on_sale}"): TICKET_TYPE,
    ("PATCH", "/ticket-types/{on_sale}"): TICKET_TYPE,
    ("POST", "/bookings"): [
        "customer_name",
        "customer_email",
        "items",
        "metadata",
        "notify",
        "hold_minutes",
        "expected_total",
    ],
    ("POST", "/bookings/lookup"): ["customer_email", "event"],
    ("PATCH", "/bookings/{confirmed}/tickets/{ticket}"): ["holder_name", "holder_email", "new_code"],
    ("PATCH", "/bookings/{pending}"): ["customer_name", "customer_email", "metadata"],
    ("POST", "/bookings/{pending}/confirm"): ["payment_reference", "mail_token", "amount", "method"],
    ("POST", "/bookings/{mailed}/resend"): [],
    ("POST", "/bookings/{pending}/cancel"): ["reason", "tickets", "fee"],
    ("POST", "/bookings/{pending}/payments"): ["provider"],
    ("POST", "/bookings/{confirmed}/refunds"): ["amount", "payment", "reason"],
    ("POST", "/bookings/{pending}/renew-secret"): [],
    ("POST", "/webhook-endpoints"): [*ENDPOINT, "secret"],
    ("PUT", "/webhook-endpoints/{endpoint}"): ENDPOINT,
    ("PATCH", "/webhook-endpoints/{endpoint}"): ENDPOINT,
    ("POST", "/webhook-endpoints/{endpoint}/rotate-secret"): ["secret"],
    ("POST", "/webhook-endpoints/{endpoint}/test"): [],
    ("POST", "/webhook-deliveries/{delivery}/redeliver"): [],
    ("POST", "/tickets/{ticket}/check-in"): ["event"],
    ("POST", "/tickets/{used}/check-out"): ["event"],
    ("POST", "/bookings/{confirmed}/check-in"): ["count", "event"],
    ("POST", "/check-ins"): ["check_ins"],
    ("POST", "/tickets/{used}/undo-check-in"): [],
}
OF_PROVIDERS = [("POST", "/payments/fake/events")]  # their bodies have a form of their own
WRITABLE_IN_ITEMS = ["ticket_type", "quantity", "attendees"]

# Clients of the admin: browsers with a session. Without access to the admin, every page redirects to the login.

NOT_STAFF, INACTIVE_STAFF, TOKEN = "manager who is not staff", "inactive superuser", "superuser's token"
WITHOUT_ADMIN = frozenset({ANONYMOUS, NOT_STAFF, INACTIVE_STAFF, TOKEN})
WITH_ADMIN = frozenset({MANAGER, BOX_OFFICE, DOOR, AUDITOR, NO_RIGHTS, SUPERUSER})
ADMIN_CLIENTS = WITHOUT_ADMIN | WITH_ADMIN
NO_ONE: frozenset[str] = frozenset()
ROOT = frozenset({SUPERUSER})

LOGIN, REDIRECT = "redirect to the login", "redirect to another page"

# fmt: off
ADMIN_PAGES = [
    ("GET",  "/",                                   {WITH_ADMIN: 200}),
    ("GET",  "/login/",                             {WITH_ADMIN: REDIRECT, WITHOUT_ADMIN: 200}),
    ("HEAD", "/login/",                             {WITH_ADMIN: 200, WITHOUT_ADMIN: 200}),
    ("POST", "/login/",                             {WITH_ADMIN: 200, WITHOUT_ADMIN: 200}),
    ("GET",  "/logout/",                            {WITH_ADMIN: 405, WITHOUT_ADMIN: REDIRECT}),
    ("POST", "/logout/",                            {WITH_ADMIN: 200, WITHOUT_ADMIN: REDIRECT}),
    ("GET",  "/password_change/",                   {WITH_ADMIN: 200}),
    ("POST", "/password_change/",                   {WITH_ADMIN: 200}),
    ("GET",  "/password_change/done/",              {WITH_ADMIN: 200}),
    ("POST", "/password_change/done/",              {WITH_ADMIN: 405}),
    ("GET",  "/second_factor/",                     {WITH_ADMIN: 200}),
    ("GET",  "/password_reset/",                    {ADMIN_CLIENTS: 200}),
    ("GET",  "/password_reset/done/",               {ADMIN_CLIENTS: 200}),
    ("POST", "/password_reset/done/",               {ADMIN_CLIENTS: 405}),
    ("GET",  "/password_reset/complete/",           {ADMIN_CLIENTS: 200}),
    ("POST", "/password_reset/complete/",           {ADMIN_CLIENTS: 405}),
    ("GET",  "/password_reset/{absent}/{absent}/",  {ADMIN_CLIENTS: 200}),
    ("GET",  "/jsi18n/",                            {WITH_ADMIN: 200}),
    ("POST", "/jsi18n/",                            {WITH_ADMIN: 405}),
    ("GET",  "/autocomplete/?{venue_of_event}",     {STAFF & WITH_ADMIN: 200}),
    ("POST", "/autocomplete/?{venue_of_event}",     {WITH_ADMIN: 405}),
    ("GET",  "/autocomplete/?{event_of_type}",      {STAFF & WITH_ADMIN: 200}),
    ("POST", "/autocomplete/?{event_of_type}",      {WITH_ADMIN: 405}),
    ("GET",  "/autocomplete/?{user_of_token}",      {ROOT: 200}),
    ("POST", "/autocomplete/?{user_of_token}",      {WITH_ADMIN: 405}),
    ("GET",  "/access/",                            {PLANNERS & WITH_ADMIN: 200, WITH_ADMIN - PLANNERS: 404}),
    ("GET",  "/auth/",                              {ROOT: 200, WITH_ADMIN - ROOT: 404}),
    ("GET",  "/bookings/",                          {STAFF & WITH_ADMIN: 200, WITH_ADMIN - STAFF: 404}),
    ("GET",  "/events/",                            {STAFF & WITH_ADMIN: 200, WITH_ADMIN - STAFF: 404}),
    ("GET",  "/ticket_types/",                      {STAFF & WITH_ADMIN: 200, WITH_ADMIN - STAFF: 404}),
    ("GET",  "/venues/",                            {STAFF & WITH_ADMIN: 200, WITH_ADMIN - STAFF: 404}),
    ("GET",  "/auth/user/{user}/password/",         {ROOT: 200}),
    ("POST", "/auth/user/{user}/password/",         {ROOT: 200}),
    ("GET",  "/events/event/calendar/",             {STAFF & WITH_ADMIN: 200}),
    ("GET",  "/bookings/booking/sell/",             {SELLERS & WITH_ADMIN: 200}),
    ("GET",  "/bookings/ticket/door/",              {AT_THE_DOOR & WITH_ADMIN: 200}),
    ("GET",  "/ticket_types/tickettype/import_catalogue/", {PLANNERS & WITH_ADMIN: 200}),
    ("GET",  "/payments/",                          {READERS_OF_SALES & WITH_ADMIN: 200,
                                                     WITH_ADMIN - READERS_OF_SALES: 404}),
    ("GET",  "/payments/payment/till/",             {READERS_OF_REPORTS & WITH_ADMIN: 200}),
    ("GET",  "/webhooks/",                          {READERS_OF_WEBHOOKS & WITH_ADMIN: 200,
                                                     WITH_ADMIN - READERS_OF_WEBHOOKS: 404}),
    ("GET",  "/outbox/",                            {READERS_OF_CHANGES & WITH_ADMIN: 200,
                                                     WITH_ADMIN - READERS_OF_CHANGES: 404}),
    ("GET",  "/booking_messages/",                  {READERS_OF_SALES & WITH_ADMIN: 200,
                                                     WITH_ADMIN - READERS_OF_SALES: 404}),
    ("GET",  "/booking_messages/message/preview/",  {READERS_OF_SALES & WITH_ADMIN: 200}),
    ("GET",  "/booking_messages/message/part/",     {READERS_OF_SALES & WITH_ADMIN: 404}),
    ("GET",  "/history/",                           {STAFF & WITH_ADMIN: 200, WITH_ADMIN - STAFF: 404}),
    ("GET",  "/nowhere/",                           {WITH_ADMIN: 404}),
]

ADMIN_MODELS = {
    #                            view,               add,      change,   delete
    "access.apitoken":          (PLANNERS,          PLANNERS, NO_ONE,   ROOT),
    "access.loginfailure":      (ROOT,              NO_ONE,   NO_ONE,   NO_ONE),
    "auth.group":               (ROOT,              ROOT,     ROOT,     ROOT),
    "auth.user":                (ROOT,              ROOT,     ROOT,     ROOT),
    "booking_messages.message": (READERS_OF_SALES,  NO_ONE,   NO_ONE,   NO_ONE),
    "bookings.booking":         (READERS_OF_SALES,  NO_ONE,   SELLERS,  NO_ONE),
    "bookings.bookingchange":   (READERS_OF_SALES,  NO_ONE,   NO_ONE,   NO_ONE),
    "bookings.bookingitem":     (READERS_OF_SALES,  NO_ONE,   NO_ONE,   NO_ONE),
    "bookings.ticket":          (READERS_OF_TICKETS, NO_ONE,  NO_ONE,   NO_ONE),
    "events.event":             (STAFF,             PLANNERS, PLANNERS, PLANNERS),
    "history.change":           (STAFF,             NO_ONE,   NO_ONE,   NO_ONE),
    "outbox.feedchange":        (READERS_OF_CHANGES, NO_ONE,  NO_ONE,   NO_ONE),
    "payments.payment":         (READERS_OF_SALES,  NO_ONE,   NO_ONE,   NO_ONE),
    "payments.providerevent":   (PLANNERS,          NO_ONE,   NO_ONE,   NO_ONE),
    "ticket_types.tickettype":  (STAFF,             PLANNERS, PLANNERS, PLANNERS),
    "venues.venue":             (STAFF,             PLANNERS, PLANNERS, PLANNERS),
    "webhooks.webhookendpoint": (READERS_OF_WEBHOOKS, KEEPERS_OF_WEBHOOKS, KEEPERS_OF_WEBHOOKS, KEEPERS_OF_WEBHOOKS),
    "webhooks.webhookdelivery": (READERS_OF_WEBHOOKS, NO_ONE, NO_ONE,   NO_ONE),
}
ADMIN_ACTIONS = {
    "access.apitoken":          {"revoke": PLANNERS, "delete_selected": ROOT},
    "access.loginfailure":      {"delete_selected": NO_ONE},
    "auth.group":               {"delete_selected": ROOT},
    "auth.user":                {"reset_second_factor": ROOT, "delete_selected": ROOT},
    "booking_messages.message": {"resend": SELLERS, "delete_selected": NO_ONE},
    "bookings.booking":         {"confirm": SELLERS, "cancel": SELLERS, "cancel_tickets": SELLERS, "extend": SELLERS,
                                 "record_payment": SELLERS, "refund": SELLERS, "renew_secret": SELLERS,
                                 "change_holder": SELLERS, "resend": SELLERS,
                                 "delete_selected": NO_ONE},
    "bookings.bookingchange":   {"delete_selected": NO_ONE},
    "bookings.bookingitem":     {"delete_selected": NO_ONE},
    "bookings.ticket":          {"check_in": AT_THE_DOOR, "undo_check_in": AT_THE_DOOR, "delete_selected": NO_ONE},
    "events.event":             {"publish": PLANNERS, "pause_sales": PLANNERS, "resume_sales": PLANNERS,
                                 "postpone": PLANNERS, "reschedule": PLANNERS, "clone": PLANNERS,
                                 "unpublish": PLANNERS, "cancel": PLANNERS, "delete_selected": PLANNERS},
    "history.change":           {"delete_selected": NO_ONE},
    "outbox.feedchange":        {"delete_selected": NO_ONE},
    "payments.payment":         {"refund": SELLERS, "delete_selected": NO_ONE},
    "payments.providerevent":   {"delete_selected": NO_ONE},
    "ticket_types.tickettype":  {"delete_selected": PLANNERS},
    "venues.venue":             {"delete_selected": PLANNERS},
    "webhooks.webhookendpoint": {"send_test": KEEPERS_OF_WEBHOOKS, "rotate_secret": KEEPERS_OF_WEBHOOKS,
                                 "delete_selected": KEEPERS_OF_WEBHOOKS},
    "webhooks.webhookdelivery": {"send_again": KEEPERS_OF_WEBHOOKS, "delete_selected": NO_ONE},
}
# fmt: on


def expected_in_admin(outcomes, client):
    for clients, outcome in outcomes.items():
        if client in clients:
            return outcome
    return 403 if client in WITH_ADMIN else LOGIN


def other_method_in_admin(method, outcomes):
    """The outcomes of a method without a row: POST shows the page as GET does; other methods are 405."""
    return outcomes if method in ("POST", "HEAD") else {ADMIN_CLIENTS: 405}


def admin_rows():
    """The rows of ADMIN_PAGES and of every model's pages.

    An object that does not exist redirects clients with the permission; others get the same 403 as for one that does.
    """
    yield from ADMIN_PAGES
    for label, (view, add, change, delete) in ADMIN_MODELS.items():
        base, obj = f"/{label.replace('.', '/')}", f"{{{label}}}"
        yield "GET", f"{base}/", {view: 200}
        yield "POST", f"{base}/", {view: 200}
        if not label.startswith("auth."):
            yield "GET", f"{base}/export/", {view: 200}
        yield "GET", f"{base}/add/", {add: 200}
        yield "POST", f"{base}/add/", {add: 200}
        for page, readers, writers in (("change", view, change), ("delete", delete, delete), ("history", view, view)):
            yield "GET", f"{base}/{obj}/{page}/", {readers: 200}
            yield "GET", f"{base}/{{absent}}/{page}/", {readers: REDIRECT}
            yield "POST", f"{base}/{obj}/{page}/", {writers: REDIRECT if page == "delete" else 200}
            yield "POST", f"{base}/{{absent}}/{page}/", {writers: REDIRECT}
        yield "GET", f"{base}/{obj}/", {WITH_ADMIN: REDIRECT}
        yield "GET", f"{base}/{{absent}}/", {WITH_ADMIN: REDIRECT}

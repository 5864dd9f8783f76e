"""The data of the demo: real houses with their real capacities, and an invented season of events."""

from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto


class Sale(Enum):
    """The state of an event's sale."""

    DRAFT = auto()
    LATER = auto()  # published; the sale begins in some days
    OPEN = auto()
    HELD = auto()  # on sale; pending bookings hold all other places
    CANCELLED = auto()  # cancelled while it was on sale


class Window(Enum):
    """The sales period of a ticket type."""

    ALWAYS = auto()
    EARLY = auto()  # ended some days ago
    LAST_DAYS = auto()  # begins some days before the event


@dataclass(frozen=True)
class Tier:
    """A ticket type; `share` is its part of the event's capacity in percent (None: no limit of its own)."""

    name: str
    price: str
    share: int | None = None
    window: Window = Window.ALWAYS
    fewest: int = 1
    most: int = 10


@dataclass(frozen=True)
class Show:
    """An event `days` from today, at the house's local time; `sold` places are sold, or all but `left`.

    It lasts for `hours`. Its capacity is the house's unless given.
    """

    name: str
    days: int
    time: str
    tiers: tuple[Tier, ...]
    sale: Sale = Sale.OPEN
    _: KW_ONLY
    sold: int = 0
    left: int | None = None
    capacity: int | None = None
    most_per_customer: int | None = None
    hours: float = 2.5
    description: str = ""


@dataclass(frozen=True)
class House:
    name: str
    address: str
    capacity: int
    timezone: str
    currency: str
    shows: tuple[Show, ...]
    tax_rate: str = "0"
    fee: str = "0"  # of each ticket that is not free


def hall(*prices: str) -> tuple[Tier, ...]:
    """The tiers of a concert hall or opera house: three prices, and standing room for a fourth one."""
    standing = [Tier("Standing room", price, 8, Window.LAST_DAYS, most=2) for price in prices[3:]]
    balcony = Tier("Balcony", prices[2], 12 if standing else 20)
    return (Tier("Stalls", prices[0], 50), Tier("Circle", prices[1], 30), balcony, *standing)


def club(seat: str, bar: str) -> tuple[Tier, ...]:
    return (Tier("Table", seat, most=8), Tier("Bar", bar, 20, most=4))


def arena(floor: str, seat: str, early: str, package: str) -> tuple[Tier, ...]:
    return (
        Tier("Early bird", early, 5, Window.EARLY, most=6),
        Tier("Floor", floor, 40, most=6),
        Tier("Seat", seat, 50, most=6),
        Tier("Group of ten and more", seat, 4, fewest=10, most=40),
        Tier("Hospitality", package, 1, most=4),
    )


def entry(price: str) -> tuple[Tier, ...]:
    return (Tier("Admission", price, most=6),)


TOUR = "An hour and a half behind the scenes, on foot. Meet at the stage door."
REHEARSAL = "Hear the orchestra at work. Unreserved seats; the rehearsal may end early."

HOUSES = (
    House(
        "Musikverein, Golden Hall",
        "Musikvereinsplatz 1, 1010 Vienna, Austria",
        2044,
        "Europe/Vienna",
        "EUR",
        (
            Show("Bruckner: Symphony No. 7", 9, "19:30", hall("98.00", "72.50", "39.00", "12.00"), sold=28),
            Show("New Year's Waltzes", 38, "11:15", hall("189.00", "145.00", "79.00"), sold=38, most_per_customer=4),
            Show("Schubert: The Great C Major", 75, "19:30", hall("85.00", "61.00", "33.00", "12.00"), Sale.DRAFT),
            Show(
                "Open Rehearsal",
                -6,
                "10:00",
                entry("0.00"),
                left=9,
                capacity=80,
                most_per_customer=2,
                description=REHEARSAL,
            ),
        ),
        tax_rate="13",
        fee="2.50",
    ),
    House(
        "Elbphilharmonie, Grand Hall",
        "Platz der Deutschen Einheit 4, 20457 Hamburg, Germany",
        2100,
        "Europe/Berlin",
        "EUR",
        (
            Show("Mahler: Symphony No. 2", 16, "20:00", hall("118.00", "86.00", "44.00"), sold=31),
            Show("Concert for Families", 20, "11:00", hall("24.00", "18.00", "12.00"), sold=20, hours=1.0),
            Show(
                "Organ Tour",
                5,
                "14:00",
                entry("0.00"),
                left=5,
                capacity=40,
                most_per_customer=4,
                hours=1.5,
                description=TOUR,
            ),
            Show("Steve Reich: Music for 18 Musicians", 61, "20:00", hall("68.00", "49.00", "26.00"), Sale.LATER),
        ),
        tax_rate="7",
        fee="2.00",
    ),
    House(
        "Berlin Philharmonie, Main Auditorium",
        "Herbert-von-Karajan-Straße 1, 10785 Berlin, Germany",
        2440,
        "Europe/Berlin",
        "EUR",
        (
            Show("Brahms: Piano Concerto No. 1", 12, "19:00", hall("92.00", "68.00", "35.00"), sold=25),
            Show("Lunch Concert", 7, "13:00", entry("0.00"), sold=23, capacity=1500, hours=0.75, most_per_customer=6),
            Show("Shostakovich: Symphony No. 8", 33, "20:00", hall("88.00", "64.00", "31.00"), Sale.CANCELLED, sold=34),
        ),
        tax_rate="7",
    ),
    House(
        "Royal Albert Hall",
        "Kensington Gore, London SW7 2AP, United Kingdom",
        5272,
        "Europe/London",
        "GBP",
        (
            Show("The Planets in Concert", 14, "19:30", hall("85.00", "55.00", "27.50", "8.00"), sold=35),
            Show("Carols by Candlelight", 25, "18:00", hall("72.00", "48.00", "22.50"), sold=37),
            Show("Backstage Tour", 3, "10:30", entry("19.50"), left=2, capacity=25, hours=1.5, description=TOUR),
            Show("Film with Orchestra: The General", 90, "19:00", hall("64.00", "44.00", "24.00"), Sale.DRAFT),
        ),
        tax_rate="20",
        fee="3.95",
    ),
    House(
        "Ronnie Scott's Jazz Club",
        "47 Frith Street, London W1D 4HT, United Kingdom",
        220,
        "Europe/London",
        "GBP",
        (
            Show("Organ Trio, Late Set", -12, "22:30", club("32.50", "20.00"), left=17, capacity=120),
            Show("Big Band Monday", 7, "20:00", club("45.00", "30.00"), sold=53),
            Show("Voices of Soho", 4, "20:30", club("38.00", "25.00"), left=3, capacity=150),
            Show("Piano Summit", 45, "20:00", club("48.00", "32.00"), Sale.LATER),
        ),
        tax_rate="20",
    ),
    House(
        "Carnegie Hall, Stern Auditorium",
        "881 Seventh Avenue, New York, NY 10019, United States",
        2790,
        "America/New_York",
        "USD",
        (
            Show("Rachmaninoff: Piano Concerto No. 3", 18, "20:00", hall("165.00", "98.00", "42.00"), sold=29),
            Show("An Evening of Gershwin", 41, "19:30", hall("145.00", "89.00", "39.00"), sold=20, most_per_customer=8),
            Show("Song Recital", 28, "20:00", hall("110.00", "75.00", "35.00"), Sale.LATER),
        ),
    ),
    House(
        "Village Vanguard",
        "178 Seventh Avenue South, New York, NY 10014, United States",
        123,
        "America/New_York",
        "USD",
        (
            Show("Quartet, First Set", 2, "20:00", club("40.00", "35.00"), left=0, hours=1.25),
            Show("Quartet, Second Set", 2, "22:00", club("40.00", "35.00"), Sale.HELD, left=6, hours=1.25),
            Show("Monday Night Orchestra", -7, "20:00", club("45.00", "40.00"), left=4, hours=1.25),
            Show("Trio in Residence", 11, "20:00", club("40.00", "35.00"), sold=19, hours=1.25),
        ),
    ),
    House(
        "Madison Square Garden",
        "4 Pennsylvania Plaza, New York, NY 10001, United States",
        19812,
        "America/New_York",
        "USD",
        (
            Show("Winter Arena Night", 30, "20:00", arena("149.50", "89.50", "69.50", "495.00"), sold=84),
            Show("Champions of the Ring", 55, "19:00", arena("220.00", "120.00", "95.00", "750.00"), sold=40),
        ),
        fee="12.50",
    ),
    House(
        "Red Rocks Amphitheatre",
        "18300 West Alameda Parkway, Morrison, CO 80465, United States",
        9525,
        "America/Denver",
        "USD",
        (
            Show("Sunrise Strings", -20, "06:30", entry("0.00"), left=38, capacity=120, most_per_customer=4, hours=1.5),
            Show("Bluegrass on the Rocks", 150, "18:30", arena("75.00", "59.00", "45.00", "240.00"), sold=35),
            Show("Stars and Strings", 165, "20:30", arena("68.00", "52.00", "40.00", "210.00"), Sale.LATER),
        ),
    ),
    House(
        "Sydney Opera House, Concert Hall",
        "Bennelong Point, Sydney NSW 2000, Australia",
        2679,
        "Australia/Sydney",
        "AUD",
        (
            Show("Beethoven: Symphony No. 9", 15, "19:30", hall("139.00", "99.00", "49.00"), sold=28),
            Show("Didgeridoo and Orchestra", 36, "20:00", hall("115.00", "85.00", "45.00"), sold=17),
            Show("New Voices", 80, "19:30", hall("75.00", "55.00", "35.00"), Sale.DRAFT),
        ),
        tax_rate="10",
        fee="8.95",
    ),
    House(
        "Suntory Hall, Main Hall",
        "1-13-1 Akasaka, Minato-ku, Tokyo 107-8403, Japan",
        2006,
        "Asia/Tokyo",
        "JPY",
        (
            Show("Takemitsu and Debussy", 10, "19:00", hall("12000", "8500", "4500"), sold=23),
            Show("Year's End: Beethoven 9", 31, "14:00", hall("15000", "11000", "6000"), sold=33, most_per_customer=4),
        ),
        tax_rate="10",
        fee="220",
    ),
    House(
        "Nippon Budokan",
        "2-3 Kitanomaru-koen, Chiyoda-ku, Tokyo 102-0091, Japan",
        14471,
        "Asia/Tokyo",
        "JPY",
        (
            Show("City Pop Festival", 24, "17:30", arena("14800", "9800", "7800", "39000"), sold=55),
            Show("Taiko: Thunder Drums", 58, "18:00", arena("11000", "8000", "6500", "28000"), Sale.LATER),
        ),
        tax_rate="10",
        fee="330",
    ),
    House(
        "Sheikh Jaber Al-Ahmad Cultural Centre, National Theatre",
        "Arabian Gulf Street, Kuwait City, Kuwait",
        2000,
        "Asia/Kuwait",
        "KWD",
        (
            Show("Songs of the Pearl Divers", 13, "20:00", hall("45.000", "27.500", "12.250"), sold=22),
            Show("The Oud Masters", -15, "19:30", entry("18.750"), left=14, capacity=90, hours=2.0),
            Show("Giselle", 40, "20:00", hall("52.000", "34.500", "15.000"), sold=16),
        ),
        fee="0.500",
    ),
    House(
        "Opernhaus Zürich",
        "Sechseläutenplatz 1, 8008 Zürich, Switzerland",
        1100,
        "Europe/Zurich",
        "CHF",
        (
            Show("La traviata", 8, "19:00", hall("230.00", "168.00", "65.00", "20.00"), sold=26, hours=3.0),
            Show("Der Rosenkavalier", 29, "18:30", hall("250.00", "180.00", "70.00"), sold=16, hours=4.25),
            Show("Costume Workshop Tour", 6, "15:00", entry("15.00"), left=0, capacity=30, hours=1.5, description=TOUR),
        ),
        tax_rate="8.1",
    ),
    House(
        "Teatro alla Scala",
        "Via Filodrammatici 2, 20121 Milan, Italy",
        2030,
        "Europe/Rome",
        "EUR",
        (
            Show(
                "Opening Night: Don Carlo",
                14,
                "18:00",
                hall("950.00", "480.00", "95.00"),
                Sale.CANCELLED,
                sold=24,
                hours=4,
            ),
            Show("The Nutcracker", 27, "20:00", hall("150.00", "110.00", "40.00"), sold=31),
        ),
        tax_rate="10",
    ),
    House(
        "Paradiso",
        "Weteringschans 6-8, 1017 SG Amsterdam, Netherlands",
        1500,
        "Europe/Amsterdam",
        "EUR",
        (
            Show("Synths and Strings", -4, "20:30", entry("17.50"), left=28, capacity=150),
            Show("Indie Weekender", 21, "19:00", arena("34.00", "39.00", "26.00", "90.00"), sold=58, hours=5),
            Show("Club Night", 2, "23:00", entry("12.50"), sold=43, hours=6, capacity=900),
            Show("Upstairs: Loud and Small", 4, "20:30", entry("14.00"), left=0, capacity=80),
        ),
        tax_rate="9",
        fee="3.00",
    ),
)

GIVEN_NAMES = (
    "Aiko", "Amélie", "Andrés", "Anna", "Ben", "Björn", "Chloé", "Clara", "Daniel", "Dana", "David", "Elif",
    "Emma", "Erik", "Fatima", "Finn", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jack", "José", "Julia", "Kenji",
    "Lars", "Laura", "Leila", "Liam", "Lucía", "Marek", "Maria", "Mei", "Mohamed", "Nadia", "Noah", "Nora", "Olga",
    "Omar", "Paul", "Petra", "Rahul", "Rosa", "Sam", "Sara", "Sofia", "Tom", "Yuki", "Yusuf", "Zoë",
)  # fmt: skip
FAMILY_NAMES = (
    "Abe", "Ali", "Andersson", "Bakker", "Becker", "Brown", "Cohen", "Costa", "Dubois", "Evans", "Fischer",
    "García", "Gruber", "Haddad", "Hansen", "Huber", "Ito", "Jones", "Kaya", "Keller", "Khan", "Kim", "Kowalski",
    "Lee", "Lopez", "Martin", "Meier", "Moreau", "Müller", "Nakamura", "Nguyen", "Novák", "O'Brien", "Patel",
    "Petrov", "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Smith", "Suzuki", "Tanaka", "Taylor", "van Dijk",
    "Wagner", "Walker", "Weber", "Wong", "Zhang",
)  # fmt: skip

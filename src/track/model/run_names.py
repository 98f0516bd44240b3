"""Names for runs that nobody named: an adjective and a noun, easy to say and to tell apart."""

_ADJECTIVES = (
    "able amber ample apt arctic autumn azure basic bold brave brief bright brisk broad calm candid careful "
    "cheerful chief civil clean clear clever close coastal cosmic crisp curious daring deep deft dense direct "
    "distant dry eager early easy eastern elder exact fair famous fancy fast final fine firm first fleet fond "
    "formal fresh full gentle glad golden grand great green handy happy hardy honest humble ideal jolly just "
    "keen kind large late lean level light lively local loud loyal lucky lunar magic major mellow merry mild "
    "misty modern modest narrow near neat new noble northern novel open pale patient plain polar polite prime "
    "proper proud pure quick quiet rapid rare ready real regal rich rising robust round royal rural safe sharp "
    "silent silver simple sincere sleek slim smart smooth snowy social solar solid southern spare stable steady "
    "still stout strong subtle sunny super sweet swift tall tame tender thankful tidy tiny tough true upper "
    "usable valid vast velvet vital vivid warm wary western whole wide wild winter wise witty worthy young zesty"
).split()
_NOUNS = (
    "acorn alder anchor apple arch arrow ash aspen atlas atom badger bamboo basin bay beacon bear beaver bee "
    "bell birch bison bloom boat bridge brook canyon cape cedar cello chalk cliff cloud clover coast comet "
    "compass copper coral crane creek crow crystal cube cypress dawn deer delta desert dew dolphin dove dune "
    "eagle echo elk elm ember falcon feather fern ferry field finch fjord flame flint flower forest fox frost "
    "galaxy garden gate geyser glacier glade globe goose granite grove gull harbor hare harp hawk hazel heath "
    "heron hill horizon hornet island ivy jade jaguar juniper kestrel lagoon lake lantern lark laurel leaf lemon "
    "lily linden lion lynx magnet maple marble marsh meadow melon mesa meteor mist moon moose moss mountain nest "
    "north oak oasis ocean olive onyx opal orbit orchard orchid osprey otter owl palm panda pearl pebble pelican "
    "pepper pine planet plateau plum pond poplar prairie prism quail quartz rabbit rain raven reef ridge river "
    "robin rock rose sage salmon sand sapphire seal shell shore sky snow sparrow spring spruce squirrel star "
    "stone stork storm stream summit sun swallow swan thistle thunder tide tiger topaz trail trout tulip tundra "
    "valley vine violet walnut water wave whale willow wind wolf wren yarrow zebra"
).split()


def run_name(number: int) -> str:
    """The name with this number: an adjective, a hyphen and a noun; numbers may be any from 0 on."""
    noun, adjective = number % len(_NOUNS), number // len(_NOUNS) % len(_ADJECTIVES)
    return f"{_ADJECTIVES[adjective]}-{_NOUNS[noun]}"

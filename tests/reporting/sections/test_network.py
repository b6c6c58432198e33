from ccm_tf.reporting.sections.network import network
from tests.reporting import examples


def test_every_layer_with_its_widths():
    page = network(examples.content())
    assert page.count("</li>") == len(examples.network()["nodes"])
    assert "<b>9</b> of 16" in page and "32 × 32 × 3" in page
    assert page.count('<li class="merge">') == examples.BLOCKS
    assert '<li class="frozen">' in page and "&lt;logits&gt;" in page


def test_bars_are_in_proportion_to_the_widest_layer():
    page = network(examples.content())
    bar = page.split(">stem</span>")[1].split("</li>")[0]
    # 16 of the widest layer's 48, and 9 of these.
    assert 'class="track" style="width:33.33%"' in bar and 'style="width:56.25%"' in bar


def test_a_wide_classifier_does_not_make_all_others_thin():
    drawing = examples.network()
    drawing["nodes"][-1] |= {"width": 1000, "kept": 1000}
    page = network(examples.content(network=drawing))
    assert '<li class="frozen beyond">' in page and 'class="track" style="width:33.33%"' in page


def test_long_lists_go_into_columns_and_short_ones_do_not():
    drawing = examples.network()
    assert 'class="panel net long"' in network(examples.content())
    short = {"nodes": drawing["nodes"][:2], "edges": drawing["edges"][:1]}
    assert "long" not in network(examples.content(network=short))


def test_long_names_lose_their_middle_and_keep_it_in_the_hint():
    drawing = examples.network()
    name = "a_model_in_a_model_in_a_model/with_a_long_name_of_a_layer"
    drawing["nodes"][1]["name"] = name
    page = network(examples.content(network=drawing))
    assert f'title="{name} (Conv2D)"' in page and f">{name}<" not in page and "…" in page


def test_nothing_to_draw():
    assert network(examples.content(network={"nodes": [], "edges": []})) == ""

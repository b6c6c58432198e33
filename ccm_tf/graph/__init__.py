"""Which channels stand and fall together."""

from ccm_tf.graph.channel_graph import ChannelGraph as ChannelGraph
from ccm_tf.graph.flow import Channels as Channels
from ccm_tf.graph.flow import Effect as Effect
from ccm_tf.graph.flow import Macs as Macs
from ccm_tf.graph.group import FeatureMap as FeatureMap
from ccm_tf.graph.group import Group as Group
from ccm_tf.graph.group import Producer as Producer
from ccm_tf.graph.registry import register_handler as register_handler
from ccm_tf.graph.trace import Trace as Trace

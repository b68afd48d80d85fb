"""What both dashboards are made of: panels of one look, the variables, the links between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

DAEMONS = 'job=~"$job",instance=~"$instance"'
"""The daemons that were chosen above the panels."""
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "cascade-monitor"
GREEN, YELLOW, ORANGE, RED, PURPLE, GREY = "green", "yellow", "orange", "red", "purple", "text"
Step = tuple[float | None, str]
"""A colour from a value on; None: from below."""
ALWAYS: tuple[Step, ...] = ((None, GREY),)


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and what its series are called. `is_now`: the newest value alone."""

    expr: str
    legend: str = ""
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How values are shown: unit as Grafana calls it, colours by value, names of values."""

    unit: str = "short"
    steps: Sequence[Step] = ALWAYS
    words: Sequence[tuple[int, str, str]] = ()
    decimals: int | None = None
    lowest: float | None = 0
    is_stacked: bool = False


def graph(title: str, text: str, width: int, look: Look, *queries: Query) -> timeseries.Panel:
    """Lines over time, with the last and the highest value beside each name."""
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    panel = (
        timeseries.Panel().legend(legend).tooltip(tooltip.sort(common_models.SortOrder.DESCENDING))
    )
    panel = panel.line_width(1).fill_opacity(30 if look.is_stacked else 8)
    panel = panel.show_points(common_models.VisibilityMode.NEVER).height(8)
    if look.is_stacked:
        normal = common_models.StackingMode.NORMAL
        panel = panel.stacking(common.StackingConfig().mode(normal).group("A"))
    if len(look.steps) > 1:
        lines = common_models.GraphTresholdsStyleMode.LINE
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(lines))
    if look.lowest is not None:
        panel = panel.min(look.lowest)
    return _shown(panel, title, text, width, look, queries)


def figure(title: str, text: str, width: int, look: Look, *queries: Query) -> stat.Panel:
    """One large number, or word, for each series, in the colour of its state."""
    newest = common.ReduceDataOptions().calcs(["last"]).values(False)
    panel = stat.Panel().reduce_options(newest).height(4)
    panel = panel.color_mode(common_models.BigValueColorMode.VALUE)
    panel = panel.graph_mode(
        common_models.BigValueGraphMode.NONE if look.words else common_models.BigValueGraphMode.AREA
    )
    return _shown(panel, title, text, width, look, queries)


def states(title: str, text: str, width: int, look: Look, *queries: Query) -> statetimeline.Panel:
    """A coloured band for each series."""
    panel = statetimeline.Panel().height(8).fill_opacity(85).line_width(0).row_height(0.85)
    panel = panel.show_value(common_models.VisibilityMode.AUTO).merge_values(True)
    return _shown(panel, title, text, width, look, queries)


def heat(title: str, text: str, width: int, look: Look, query: Query) -> heatmap.Panel:
    """A histogram over time; the query gives its buckets."""
    colour = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME)
    panel = heatmap.Panel().calculate(False).height(8).color(colour.scheme("Oranges").steps(64))
    panel = panel.y_axis(heatmap.YAxisConfig().unit(look.unit))
    panel = panel.title(title).description(text).span(width).datasource(SOURCE)
    return panel.with_target(_target(0, query, prometheus_models.PromQueryFormat.HEATMAP))


def rows(title: str, text: str, width: int, hidden: Sequence[str], query: Query) -> table.Panel:
    """A table of the newest values, without the labels that tell nothing here."""
    left_out = dict.fromkeys(("Time", "__name__", "Value", *hidden), True)
    panel = table.Panel().height(8).no_value("none").show_header(True)
    panel = panel.with_transformation(
        models.DataTransformerConfig(id_val="organize", options={"excludeByName": left_out})
    )
    panel = panel.title(title).description(text).span(width).datasource(SOURCE)
    return panel.with_target(_target(0, query, prometheus_models.PromQueryFormat.TABLE))


def linked(panel: stat.Panel, title: str, url: str) -> stat.Panel:
    """The panel, whose values lead to a page."""
    return panel.data_links([dashboard.DashboardLink(title).url(url).target_blank(True)])


def limit(of: str) -> Query:
    """Where an alert begins, as recording.rules.yml has it."""
    return Query(f'max(cascade_monitor:threshold{{of="{of}"}})', "alert")


def board(title: str, text: str, name: str, variables: Sequence[object]) -> dashboard.Dashboard:
    """An empty dashboard with its variables, links and annotations."""
    made = dashboard.Dashboard(title).uid(f"cascade-monitor-{name}").description(text)
    made = made.tags([TAG]).editable().tooltip(models.DashboardCursorSync.CROSSHAIR)
    made = made.time("now-6h", "now").refresh("30s").timezone("browser")
    others = dashboard.DashboardLink("cascade-monitor").tags([TAG]).as_dropdown(True)
    others = others.type(models.DashboardLinkType.DASHBOARDS).include_vars(True).keep_time(True)
    made = made.link(others)
    for variable in variables:
        made = made.with_variable(variable)
    for each in _annotations():
        made = made.annotation(each)
    return made


def source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def choice(name: str, label: str, query: str, *, many: bool = True) -> dashboard.QueryVariable:
    """Values of a label; all of them, unless somebody chooses."""
    made = dashboard.QueryVariable(name).label(label).datasource(SOURCE).query(query)
    made = made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    made = made.sort(models.VariableSort.ALPHABETICAL_ASC)
    if not many:
        return made
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return made.multi(True).include_all(True).current(everything)


def _annotations() -> tuple[object, ...]:
    firing = f'ALERTS{{alertname=~"CascadeMonitor.+",alertstate="firing",{DAEMONS}}}'
    tripped = f"max by (breaker) (cascade_monitor_breaker_state{{{DAEMONS}}}) >= 3"
    return tuple(
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(colour)
        .expr(expr)
        for name, colour, expr in (
            ("Alerts that fire", ORANGE, firing),
            ("Tripped breakers", RED, tripped),
        )
    )


def _shown(
    panel: object, title: str, text: str, width: int, look: Look, queries: Sequence[Query]
) -> object:
    """What every panel of numbers has."""
    made = panel.title(title).description(text).span(width).datasource(SOURCE).unit(look.unit)  # type: ignore[attr-defined]
    steps = [models.Threshold(value=value, color=colour) for value, colour in look.steps]
    absolute = models.ThresholdsMode.ABSOLUTE
    made = made.thresholds(dashboard.ThresholdsConfig().mode(absolute).steps(steps))
    made = made.mappings(_words(look)).no_value("no data")
    if look.decimals is not None:
        made = made.decimals(look.decimals)
    for number, query in enumerate(queries):
        made = made.with_target(
            _target(number, query, prometheus_models.PromQueryFormat.TIME_SERIES)
        )
    return made


def _words(look: Look) -> list[object]:
    """Unknown is a word of its own: NaN is no number."""
    nan = models.SpecialValueMap(
        options=models.DashboardSpecialValueMapOptions(
            match=models.SpecialValueMatch.NA_N,
            result=models.ValueMappingResult(text="unknown", color=PURPLE, index=0),
        )
    )
    named = {
        str(value): models.ValueMappingResult(text=word, color=colour, index=1 + place)
        for place, (value, word, colour) in enumerate(look.words)
    }
    return [nan, models.ValueMap(options=named)] if named else [nan]


def _target(number: int, query: Query, format: object) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).datasource(SOURCE).format(format)
    made = made.ref_id(chr(ord("A") + number)).legend_format(query.legend or "__auto")
    is_table = format == prometheus_models.PromQueryFormat.TABLE
    return made.instant() if query.is_now or is_table else made.range()

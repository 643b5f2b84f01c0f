//! Failures, exposure, detection power.

use rashomon_compare::Summary;

use crate::format::count;
use crate::html::{Html, put};

pub(super) fn failures(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"failures\">\n<h2>Failures</h2>\n");
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>runs with<th class=\"number\">base<th class=\"number\">candidate\
         <th class=\"number\">only the base<th class=\"number\">only the candidate\
         <th class=\"number\">the candidate's share exceeds the base's by less than</thead><tbody>\n",
    );
    for rate in &summary.rates {
        put!(html, "<tr><td class=\"name\">{}", rate.failing.as_str());
        put!(html, "<td class=\"number\">{} of {}", rate.base, rate.pairs);
        put!(html, "<td class=\"number\">{} of {}", rate.candidate, rate.pairs);
        put!(html, "<td class=\"number\">{}<td class=\"number\">{}", rate.only_base, rate.only_candidate);
        put!(html, "<td class=\"number\">{:.1}% (95%)\n", rate.excess_bound * 100.0);
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

pub(super) fn exposure(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"exposure\">\n<h2>Exposure: what both versions met</h2>\n");
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>what<th class=\"number\">base<th class=\"number\">candidate<th>\
         </thead><tbody>\n",
    );
    for kind in &summary.exposure {
        put!(html, "<tr><td class=\"name\">{}<td class=\"number\">{}", kind.kind, count(kind.base));
        put!(html, "<td class=\"number\">{}<td>", count(kind.candidate));
        if kind.lacking {
            html.raw("<span class=\"alarm\">the candidate met less, beyond chance</span>");
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

pub(super) fn power(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"power\">\n<h2>Detection power</h2>\n");
    let Some(power) = &summary.power else {
        html.raw("<p>Not measured: no known bug of the target was run beside.</p>\n</section>\n");
        return;
    };
    put!(html, "<p>Plans that were run show them in the base: {}.</p>\n", power.sentence());
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>known bug<th>caught<th class=\"number\">runs<th>shown as\
         </thead><tbody>\n",
    );
    for mutant in &power.mutants {
        put!(html, "<tr><td class=\"name\">{}<td>", mutant.mutant);
        html.raw(if mutant.caught { "yes" } else { "<span class=\"alarm\">no</span>" });
        put!(html, "<td class=\"number\">{}<td>{}\n", mutant.runs, mutant.shown_as);
    }
    for mutant in &power.untried {
        put!(html, "<tr><td class=\"name\">{}<td class=\"faint\">not tried<td class=\"number\">0<td>\n", mutant);
    }
    html.raw("</tbody></table></div>\n</section>\n");
}
